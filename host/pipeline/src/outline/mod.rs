//! An event's fields as a text, and where in it each value lies: read once for all tags, copied for a tag that has it changed, and
//! written out again without what a tag may not see. A tree of values costs several times as much to make, to copy and to write.

mod edit;
mod index;
mod item;
mod quoted;
mod seen;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use index::index;

pub(crate) use item::{Item, Kind};

/// Some fields of an event, or all.
#[derive(Clone, Debug)]
pub struct Outline {
    /// The JSON that came, and behind it what was put in later. No string in it has a `\u` escape: what stands for a brace is one.
    text: String,
    /// The first is the object itself.
    nodes: Vec<Node>,
}

/// A value's place among the nodes. A copy of an outline has its values at the same places.
pub(crate) type Id = u32;

/// No place.
const NONE: Id = Id::MAX;

/// One value.
#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    /// Of a string: whether it has escapes. Of an array or object: whether `json` is still what it holds.
    plain: bool,
    /// Whether its key needs no escapes.
    plain_key: bool,
    /// Whether its key, as it is, stands before it, with nothing but a colon between.
    joined: bool,
    /// Whether it was taken out.
    gone: bool,
    /// Decoded; of a member of an object only.
    key: Span,
    json: Span,
    parent: Id,
    next: Id,
    first: Id,
}

/// A part of the text. No event has four gigabytes.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    end: u32,
}

impl Outline {
    /// Of an object's JSON, which has been read as such before.
    pub(crate) fn of(json: String) -> Self {
        let mut outline = Outline { text: json, nodes: Vec::with_capacity(96) };
        let end = outline.text.len();
        index(&mut outline, 0..end);
        outline
    }

    pub(crate) fn root(&self) -> Item<'_> {
        Item::new(self, 0)
    }

    /// The place of the whole of it.
    pub(crate) const ROOT: Id = 0;

    pub(crate) fn item(&self, id: Id) -> Item<'_> {
        Item::new(self, id)
    }

    /// As values.
    pub fn to_map(&self) -> Map<String, Value> {
        match self.root().to_value() {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// How long its JSON is at most, in bytes, where nothing was put into it.
    pub(crate) fn text_len(&self) -> usize {
        self.text.len()
    }

    fn node(&self, id: Id) -> &Node {
        const NOTHING: Node = Node {
            kind: Kind::Null,
            plain: true,
            plain_key: true,
            joined: false,
            gone: false,
            key: Span { start: 0, end: 0 },
            json: Span { start: 0, end: 0 },
            parent: NONE,
            next: NONE,
            first: NONE,
        };
        self.nodes.get(id as usize).unwrap_or(&NOTHING)
    }

    fn text(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }
}

impl Default for Outline {
    fn default() -> Self {
        Outline::of("{}".to_owned())
    }
}

impl From<&Map<String, Value>> for Outline {
    fn from(map: &Map<String, Value>) -> Self {
        // Every key is a string, and no number is infinite.
        Outline::of(serde_json::to_string(map).unwrap_or_else(|_| "{}".to_owned()))
    }
}

/// The same fields with the same values, however they are written.
impl PartialEq for Outline {
    fn eq(&self, other: &Self) -> bool {
        self.to_map() == other.to_map()
    }
}

impl Span {
    fn new(range: std::ops::Range<usize>) -> Self {
        let short = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Span { start: short(range.start), end: short(range.end) }
    }
}
