//! A value of an outline, to look at.

use std::borrow::Cow;

use serde_json::Value;

use super::{Id, NONE, Node, Outline, Span};

/// What a value is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Null,
    True,
    False,
    Number,
    Text,
    Array,
    Object,
}

/// A value, or what is left of it.
#[derive(Clone, Copy)]
pub(crate) struct Item<'o> {
    outline: &'o Outline,
    pub(crate) id: Id,
}

impl<'o> Item<'o> {
    pub(super) fn new(outline: &'o Outline, id: Id) -> Self {
        Item { outline, id }
    }

    fn node(self) -> &'o Node {
        self.outline.node(self.id)
    }

    pub(crate) fn kind(self) -> Kind {
        self.node().kind
    }

    /// Whether there may be something below it.
    pub(crate) fn is_container(self) -> bool {
        matches!(self.kind(), Kind::Array | Kind::Object)
    }

    /// An object's member.
    pub(crate) fn member(self, key: &str) -> Option<Item<'o>> {
        self.entry(key).map(|(_, item)| item)
    }

    /// The same with its key.
    pub(crate) fn entry(self, key: &str) -> Option<(&'o str, Item<'o>)> {
        self.members().find(|(name, _)| *name == key)
    }

    /// What is at a path, not looking into arrays.
    pub(crate) fn at<S: AsRef<str>>(self, path: &[S]) -> Option<Item<'o>> {
        path.iter().try_fold(self, |item, part| item.member(part.as_ref()))
    }

    /// An object's members; of anything else none.
    pub(crate) fn members(self) -> impl Iterator<Item = (&'o str, Item<'o>)> {
        let outline = self.outline;
        let first = if self.kind() == Kind::Object { self.node().first } else { NONE };
        Below { outline, next: first }.map(move |item| (outline.text(item.node().key), item))
    }

    /// An array's items; of anything else none.
    pub(crate) fn items(self) -> impl Iterator<Item = Item<'o>> {
        let first = if self.kind() == Kind::Array { self.node().first } else { NONE };
        Below { outline: self.outline, next: first }
    }

    /// A string's text.
    pub(crate) fn text(self) -> Option<Cow<'o, str>> {
        let node = self.node();
        if node.kind != Kind::Text {
            return None;
        }
        let json = self.outline.text(node.json);
        Some(if node.plain {
            Cow::Borrowed(json.get(1..json.len().saturating_sub(1)).unwrap_or_default())
        } else {
            Cow::Owned(serde_json::from_str(json).unwrap_or_default())
        })
    }

    pub(crate) fn number(self) -> Option<f64> {
        if self.kind() == Kind::Number { self.outline.text(self.node().json).parse().ok() } else { None }
    }

    /// It recurses as deep as the value is nested.
    pub(crate) fn to_value(self) -> Value {
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::True => Value::Bool(true),
            Kind::False => Value::Bool(false),
            Kind::Number => serde_json::from_str(self.outline.text(self.node().json)).unwrap_or_default(),
            Kind::Text => Value::String(self.text().unwrap_or_default().into_owned()),
            Kind::Array => Value::Array(self.items().map(Item::to_value).collect()),
            Kind::Object => {
                Value::Object(self.members().map(|(key, item)| (key.to_owned(), item.to_value())).collect())
            }
        }
    }

    /// Its JSON, if it still stands somewhere as it is.
    pub(crate) fn json(self) -> Option<&'o str> {
        let node = self.node();
        (node.plain || !self.is_container()).then(|| self.outline.text(node.json))
    }

    /// The JSON of its key, a colon and its own, if they still stand somewhere as they are.
    pub(crate) fn member_json(self) -> Option<&'o str> {
        let node = self.node();
        let all = Span { start: node.key.start.checked_sub(1)?, end: node.json.end };
        (node.joined && (node.plain || !self.is_container())).then(|| self.outline.text(all))
    }

    /// Whether its key needs no escapes in JSON.
    pub(crate) fn has_plain_key(self) -> bool {
        self.node().plain_key
    }
}

/// What is below a value.
struct Below<'o> {
    outline: &'o Outline,
    next: Id,
}

impl<'o> Iterator for Below<'o> {
    type Item = Item<'o>;

    fn next(&mut self) -> Option<Item<'o>> {
        loop {
            let node = self.outline.nodes.get(self.next as usize)?;
            let item = Item { outline: self.outline, id: self.next };
            self.next = node.next;
            if !node.gone {
                return Some(item);
            }
        }
    }
}
