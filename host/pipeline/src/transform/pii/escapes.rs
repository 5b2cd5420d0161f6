//! A text without its URL escapes, and where each byte of it stood.

use std::ops::Range;

/// A text of which one level of `%40`-like escapes was taken off.
pub(super) struct Unescaped {
    pub(super) text: String,
    /// For each byte, and for the end: where it begins in the first text.
    origins: Vec<usize>,
}

impl Unescaped {
    /// `None` if there is no escape in it.
    pub(super) fn of(text: &str) -> Option<Self> {
        unescape(text, |at| at)
    }

    /// One level further.
    pub(super) fn again(&self) -> Option<Self> {
        unescape(&self.text, |at| self.origins.get(at).copied().unwrap_or_default())
    }

    /// Where a part of the text stood in the first one.
    pub(super) fn origin(&self, at: Range<usize>) -> Range<usize> {
        let of = |at: usize| self.origins.get(at).or(self.origins.last()).copied().unwrap_or_default();
        of(at.start)..of(at.end)
    }
}

fn unescape(text: &str, origin: impl Fn(usize) -> usize) -> Option<Unescaped> {
    let bytes = text.as_bytes();
    let (mut unescaped, mut origins) = (Vec::with_capacity(bytes.len()), Vec::with_capacity(bytes.len() + 1));
    let mut at = 0;
    while at < bytes.len() {
        origins.push(origin(at));
        let escape =
            bytes[at..].strip_prefix(b"%").and_then(|rest| Some((hex(*rest.first()?)? << 4) | hex(*rest.get(1)?)?));
        unescaped.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    origins.push(origin(bytes.len()));
    if unescaped.len() == bytes.len() {
        return None;
    }
    let text = String::from_utf8(unescaped).unwrap_or_else(|error| {
        // What is no text is of no interest, but the rest has to stay where it is.
        error.into_bytes().into_iter().map(|byte| if byte.is_ascii() { char::from(byte) } else { ' ' }).collect()
    });
    Some(Unescaped { text, origins })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
