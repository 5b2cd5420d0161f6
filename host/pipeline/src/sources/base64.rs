//! Base64 as SDKs write it: with `+/` or `-_`, padded or not, and with the blanks that `+` becomes in a query.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The bytes, or `None` where it is none.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let standard = |byte: u8| match byte {
        b'-' | b' ' => b'+',
        b'_' => b'/',
        byte => byte,
    };
    STANDARD.decode(text.bytes().map(standard).collect::<Vec<u8>>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read() {
        let check = |text: &str, expected: Option<&[u8]>| assert_eq!(decode(text).as_deref(), expected, "{text}");
        check("-_-_", Some(&[0xfb, 0xff, 0xbf]));
        check("+/+/", Some(&[0xfb, 0xff, 0xbf]));
        check(" / /", Some(&[0xfb, 0xff, 0xbf]));
        check("e30=", Some(b"{}"));
        check("e30", Some(b"{}"));
        check("e30!", None);
    }
}
