//! Finding an object's members in its text.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::plain;

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

impl Member {
    /// The same in a text that begins so far in.
    pub(super) fn back(&self, by: usize) -> Self {
        let back = |range: &Range<usize>| range.start - by..range.end - by;
        Member { key: back(&self.key), plain: self.plain, value: back(&self.value) }
    }
}

/// An object that has been taken apart.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) members: Vec<Member>,
    /// How many arrays and objects lie in each other below it, at most.
    pub(super) depth: usize,
    pub(super) inner: Option<Inner>,
    /// The keys with escapes, decoded.
    pub(super) escaped: Vec<(usize, String)>,
}

/// An object within one, taken apart with it.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) place: Range<usize>,
    pub(super) members: Vec<Member>,
    pub(super) depth: usize,
}

/// Takes the object apart that is the first `end` bytes of a text, and the one in its member `inner` with it. Keys with escapes
/// are put decoded behind the text. Each key and each value that is not [`plain`] is read by serde_json, as a `V`: with
/// [`Depth`](super::depth::Depth) it is `None` for what would not be read as an object of [`Value`](serde_json::Value)s.
pub(super) fn parts<V>(all: &mut String, end: usize, inner: Option<&str>) -> Option<Parts>
where
    V: DeserializeOwned + Into<usize>,
{
    let mut rest = Rest { text: &all[..end], at: 0 };
    let mut parts = rest.object::<V>(inner)?;
    let whole = rest.is_end();
    for (at, key) in std::mem::take(&mut parts.escaped) {
        parts.members[at].key = append(all, &key);
        parts.members[at].plain = false;
    }
    // Of serde_json's 128 levels the object itself takes one, and it gives up when the last begins.
    (whole && parts.depth <= 126).then_some(parts)
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
    /// Takes an object apart, and the one in its member `inner`.
    fn object<V: DeserializeOwned + Into<usize>>(&mut self, inner: Option<&str>) -> Option<Parts> {
        // An event has about a dozen members. What more come are bounded by the text's length.
        let mut parts = Parts { members: Vec::with_capacity(24), ..Parts::default() };
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(parts);
        }
        loop {
            self.peek(b'"')?;
            let (key, range) = self.name()?;
            self.take(b':')?;
            let (value, depth) = match inner {
                Some(inner) if key == inner && self.peek(b'{').is_some() => self.inner::<V>(&mut parts)?,
                _ => self.value::<V>()?,
            };
            parts.depth = parts.depth.max(depth);
            if let Cow::Owned(key) = key {
                parts.escaped.push((parts.members.len(), key));
            }
            // Without its quotes.
            parts.members.push(Member { key: range.start + 1..range.end - 1, plain: true, value });
            if self.take(b',').is_none() {
                self.take(b'}')?;
                return Some(parts);
            }
        }
    }

    /// Takes a member's object apart; returns where it lies, and its depth.
    fn inner<V: DeserializeOwned + Into<usize>>(&mut self, parts: &mut Parts) -> Option<(Range<usize>, usize)> {
        let start = self.at;
        let Parts { members, depth, escaped, .. } = self.object::<V>(None)?;
        let place = start..self.at;
        // Of a member that is there twice the last counts. Decoded keys have no place within the object's own text.
        parts.inner = escaped.is_empty().then(|| Inner { place: place.clone(), members, depth });
        Some((place, depth + 1))
    }

    /// Reads a key.
    fn name(&mut self) -> Option<(Cow<'t, str>, Range<usize>)> {
        match plain::string(self.text, self.at) {
            Some(end) => {
                let range = std::mem::replace(&mut self.at, end)..end;
                let name = self.text.get(range.start + 1..range.end - 1)?;
                Some((Cow::Borrowed(name), range))
            }
            None => self.read().map(|(Name(name), range)| (name, range)),
        }
    }

    /// Passes over a value; returns where it lies, and how deep it is.
    fn value<V: DeserializeOwned + Into<usize>>(&mut self) -> Option<(Range<usize>, usize)> {
        self.skip_space();
        match plain::value(self.text, self.at) {
            Some((depth, end)) => Some((std::mem::replace(&mut self.at, end)..end, depth)),
            None => self.read::<V>().map(|(depth, value)| (value, depth.into())),
        }
    }

    /// Has serde_json read a key or a value; returns where it lies.
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
    let bytes = text.as_bytes();
    members.sort_by(|one, other| order(&bytes[one.key.clone()], &bytes[other.key.clone()]));
    // The sort is stable, so the last of a key is the last that came.
    members.dedup_by(|later, earlier| {
        let twice = bytes[later.key.clone()] == bytes[earlier.key.clone()];
        if twice {
            std::mem::swap(later, earlier);
        }
        twice
    });
    members
}

/// The shorter first.
pub(super) fn order(one: &[u8], other: &[u8]) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'t>(#[serde(borrow)] Cow<'t, str>);
