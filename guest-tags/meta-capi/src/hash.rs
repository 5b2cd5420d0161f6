//! Hashing what identifies a person, by Meta's "Customer Information Parameters".

use alloc::string::String;

use serde::{Serialize, Serializer, ser};
use sha2::{Digest, Sha256};

/// A SHA-256 digest, sent as lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    /// Hashes a value after trimming it, lower-casing it and normalising it further. One that is a digest already is taken as
    /// it is. `None` when nothing is left to hash.
    pub(crate) fn of(value: &str, normalise: impl FnOnce(String) -> Option<String>) -> Option<Hash> {
        let value = value.trim();
        if let Some(digest) = digest(value) {
            return Some(digest);
        }
        let normal = normalise(value.to_lowercase()).filter(|normal| !normal.is_empty())?;
        Some(Hash(Sha256::digest(normal.as_bytes()).into()))
    }
}

/// Reads 64 hexadecimal digits.
pub(crate) fn digest(value: &str) -> Option<Hash> {
    let digits: &[u8; 64] = value.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for &digit in pair {
            *byte = *byte << 4 | nibble(digit)?;
        }
    }
    Some(Hash(bytes))
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        serializer.serialize_str(core::str::from_utf8(&text).map_err(ser::Error::custom)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::normalise;

    fn check(normalise: fn(String) -> Option<String>, value: &str, expected: &str) {
        assert_eq!(Hash::of(value, normalise), digest(expected), "{value}");
    }

    #[test]
    fn hashes_are_those_of_metas_documentation() {
        for (normalise, value, expected) in [
            (
                normalise::email as fn(String) -> Option<String>,
                " John_Smith@gmail.com ",
                "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
            ),
            (normalise::phone, "+1 (650)555-1212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
            (normalise::plain, "Mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
            (normalise::plain, "정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
            (normalise::plain, "Valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
            (normalise::birthday, "2/16/1997", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"),
            (normalise::country, "United States", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"),
        ] {
            check(normalise, value, expected);
        }
    }

    #[test]
    fn a_digest_is_taken_as_it_is() {
        let digest = "62A14E44F765419D10FEA99367361A727C12365E2520F32218D505ED9AA0F62F";
        check(normalise::email, digest, digest);
    }

    #[test]
    fn nothing_is_not_hashed() {
        assert_eq!(Hash::of("  ", Some), None);
        assert_eq!(Hash::of("-", normalise::plain), None);
    }
}
