//! Strings in a JSON text.

use std::ops::Range;

/// Where a string lies, with its quotes, and what it takes to read it.
pub(super) struct Quoted {
    pub(super) json: Range<usize>,
    pub(super) escapes: bool,
    /// Whether one of the escapes is by a character's number.
    pub(super) by_number: bool,
}

/// The string that begins at `start`.
pub(super) fn quoted(bytes: &[u8], start: usize) -> Quoted {
    let (mut escapes, mut by_number) = (false, false);
    let mut at = start + 1;
    loop {
        at += plain_length(bytes.get(at..).unwrap_or_default());
        match bytes.get(at) {
            Some(b'\\') => {
                escapes = true;
                by_number |= bytes.get(at + 1) == Some(&b'u');
                at += 2;
            }
            Some(_) => {
                at += 1;
                break;
            }
            None => break,
        }
    }
    Quoted { json: start..at, escapes, by_number }
}

/// How many bytes come before a quote or an escape.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([128; 8]);
    // Whether a byte is zero: its borrow reaches the high bit.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (words, rest) = bytes.as_chunks::<8>();
    for (position, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zeros(word ^ u64::from_ne_bytes([b'"'; 8])) | zeros(word ^ u64::from_ne_bytes([b'\\'; 8]));
        if found != 0 {
            return position * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let before = bytes.len() - rest.len();
    before + rest.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(rest.len())
}
