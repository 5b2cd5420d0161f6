//! Changing what an outline holds.

use serde_json::Value;

use super::index::index;
use super::{Id, Kind, NONE, Node, Outline, Span};

impl Outline {
    /// Puts a value in the place of another.
    pub(crate) fn replace(&mut self, id: Id, value: &Value) {
        let start = self.text.len();
        // Every key is a string, and no number is infinite.
        self.text.push_str(&serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()));
        let end = self.text.len();
        let new = index(self, start..end);
        // It takes the other's place, and what is below it comes along.
        let made = *self.node(new);
        let mut child = made.first;
        while let Some(node) = self.nodes.get_mut(child as usize) {
            node.parent = id;
            child = node.next;
        }
        if let Some(node) = self.nodes.get_mut(id as usize) {
            (node.kind, node.plain, node.json, node.first) = (made.kind, made.plain, made.json, made.first);
            node.joined = false;
        }
        self.touch_above(id);
    }

    /// An object's member: the one that is there, or a new one that is null.
    pub(crate) fn member_or_null(&mut self, object: Id, key: &str) -> Id {
        if let Some(there) = self.item(object).member(key) {
            return there.id;
        }
        let start = self.text.len();
        self.text.push_str(key);
        let key = Span::new(start..self.text.len());
        let is_plain = self.text(key).bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
        let start = self.text.len();
        self.text.push_str("null");
        let id = Id::try_from(self.nodes.len()).unwrap_or(NONE);
        let json = Span::new(start..self.text.len());
        self.nodes.push(Node {
            kind: Kind::Null,
            plain: true,
            plain_key: is_plain,
            joined: false,
            gone: false,
            key,
            json,
            parent: object,
            next: NONE,
            first: NONE,
        });
        let last = self.item(object).members().last().map(|(_, item)| item.id);
        match last.and_then(|last| self.nodes.get_mut(last as usize)) {
            Some(last) => last.next = id,
            None => {
                if let Some(object) = self.nodes.get_mut(object as usize) {
                    object.first = id;
                }
            }
        }
        self.touch_above(id);
        id
    }

    /// Makes an object without members of what it is.
    pub(crate) fn make_object(&mut self, id: Id) {
        self.replace(id, &Value::Object(serde_json::Map::new()));
    }

    /// Takes a value out of what holds it.
    pub(crate) fn remove(&mut self, id: Id) {
        if let Some(node) = self.nodes.get_mut(id as usize) {
            node.gone = true;
        }
        self.touch_above(id);
    }

    /// What holds a value is not any more what its text says.
    fn touch_above(&mut self, id: Id) {
        let mut above = self.node(id).parent;
        while let Some(node) = self.nodes.get_mut(above as usize) {
            if !node.plain {
                // Nor is what holds that.
                return;
            }
            node.plain = false;
            above = node.parent;
        }
    }
}
