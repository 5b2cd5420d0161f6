//! Finding an object's members in its text.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Where in the text a member lies.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// Decoded.
    pub(super) key: Range<usize>,
    /// Whether the key is in JSON what it is decoded.
    pub(super) plain: bool,
    /// JSON.
    pub(super) value: Range<usize>,
}

/// Where the members of the object lie that is the first `end` bytes of a text, and how deep the deepest is. Keys with escapes
/// are put decoded behind it. Each key and each value is read by serde_json, as a `V`, only the punctuation between them here: with
/// [`Depth`](super::depth::Depth) it is `None` for what would not be read as an object of [`Value`](serde_json::Value)s.
pub(super) fn members<V: DeserializeOwned + Into<usize>>(all: &mut String, end: usize) -> Option<(Vec<Member>, usize)> {
    let mut escaped = Vec::new();
    let mut rest = Rest { text: &all[..end], at: 0 };
    // An event has about a dozen. What more come are bounded by the text's length.
    let mut members = Vec::with_capacity(24);
    let mut deepest = 0;
    rest.take(b'{')?;
    if rest.take(b'}').is_none() {
        loop {
            rest.peek(b'"')?;
            let (Name(key), range) = rest.read()?;
            if let Cow::Owned(key) = key {
                escaped.push((members.len(), key));
            }
            rest.take(b':')?;
            let (depth, value): (V, _) = rest.read()?;
            deepest = deepest.max(depth.into());
            // Without its quotes.
            members.push(Member { key: range.start + 1..range.end - 1, plain: true, value });
            if rest.take(b',').is_none() {
                rest.take(b'}')?;
                break;
            }
        }
    }
    let whole = rest.is_end();
    for (at, key) in escaped {
        members[at].key = append(all, &key);
        members[at].plain = false;
    }
    // Of serde_json's 128 levels the object itself takes one, and it gives up when the last begins.
    (whole && deepest <= 126).then_some((members, deepest))
}

pub(super) fn append(text: &mut String, more: &str) -> Range<usize> {
    let start = text.len();
    text.push_str(more);
    start..text.len()
}

/// What is left of a text.
struct Rest<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Rest<'t> {
    /// Reads a key or a value; returns where it lies.
    fn read<T: Deserialize<'t>>(&mut self) -> Option<(T, Range<usize>)> {
        self.skip_space();
        let start = self.at;
        let mut stream = serde_json::Deserializer::from_str(self.text.get(start..)?).into_iter();
        let value = stream.next()?.ok()?;
        self.at = start + stream.byte_offset();
        Some((value, start..self.at))
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        self.peek(wanted)?;
        self.at += 1;
        Some(())
    }

    fn peek(&mut self, wanted: u8) -> Option<()> {
        self.skip_space();
        (self.text.as_bytes().get(self.at) == Some(&wanted)).then_some(())
    }

    fn is_end(&mut self) -> bool {
        self.skip_space();
        self.at == self.text.len()
    }

    fn skip_space(&mut self) {
        let space = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
        self.at += self.text.as_bytes()[self.at..].iter().take_while(space).count();
    }
}

pub(super) fn in_order(mut members: Vec<Member>, text: &str) -> Vec<Member> {
    members.sort_by(|one, other| order(&text[one.key.clone()], &text[other.key.clone()]));
    // The sort is stable, so the last of a key is the last that came.
    members.dedup_by(|later, earlier| {
        let twice = text[later.key.clone()] == text[earlier.key.clone()];
        if twice {
            std::mem::swap(later, earlier);
        }
        twice
    });
    members
}

pub(super) fn order(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'t>(#[serde(borrow)] Cow<'t, str>);
