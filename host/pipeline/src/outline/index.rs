//! Going through a JSON text once. serde_json has read it before, or written it: here nothing is checked again.

use std::ops::Range;

use super::quoted::{Quoted, quoted};
use super::seen::Seen;
use super::{Id, Kind, NONE, Node, Outline, Span};

/// Adds the value at `range`, and all below it. It recurses as deep as the value is nested, which is bounded where events are taken.
pub(super) fn index(outline: &mut Outline, range: Range<usize>) -> Id {
    let id = next_id(&outline.nodes);
    let mut indexing = Indexing {
        bytes: outline.text.get(..range.end).unwrap_or_default().as_bytes(),
        text: &outline.text,
        nodes: &mut outline.nodes,
        more: String::new(),
        at: range.start,
    };
    indexing.value(Key::default(), NONE);
    let more = indexing.more;
    outline.text.push_str(&more);
    id
}

struct Indexing<'o> {
    text: &'o str,
    /// The text up to where it is gone through.
    bytes: &'o [u8],
    nodes: &'o mut Vec<Node>,
    /// What is written anew, to be put behind the text.
    more: String,
    at: usize,
}

#[derive(Clone, Copy)]
struct Key {
    decoded: Span,
    plain: bool,
}

impl Default for Key {
    fn default() -> Self {
        Key { decoded: Span::default(), plain: true }
    }
}

impl Indexing<'_> {
    /// Whether the text of the value is to stay as it is.
    fn value(&mut self, key: Key, parent: Id) -> bool {
        self.skip_space();
        let start = self.at;
        let id = next_id(self.nodes);
        let (kind, json, plain, intact) = match self.bytes.get(start) {
            Some(b'"') => {
                let quoted = self.string();
                match self.rewritten(&quoted) {
                    Some(json) => {
                        let plain = !self.more_at(&json).contains(&b'\\');
                        (Kind::Text, json, plain, false)
                    }
                    None => (Kind::Text, quoted.json, !quoted.escapes, true),
                }
            }
            Some(open @ (b'{' | b'[')) => {
                let kind = if *open == b'{' { Kind::Object } else { Kind::Array };
                self.nodes.push(Node::new(kind, key, parent));
                self.at += 1;
                let intact = if kind == Kind::Object { self.members(id) } else { self.items(id) };
                if let Some(node) = self.nodes.get_mut(id as usize) {
                    node.json = Span::new(start..self.at);
                    node.plain = intact;
                }
                return intact;
            }
            first => {
                let kind = match first {
                    Some(b't') => Kind::True,
                    Some(b'f') => Kind::False,
                    Some(b'-' | b'0'..=b'9') => Kind::Number,
                    _ => Kind::Null,
                };
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\t' | b'\r');
                let rest = self.bytes.get(start..).unwrap_or_default();
                self.at += rest.iter().position(ends).unwrap_or(rest.len());
                (kind, start..self.at, true, true)
            }
        };
        let node = Node::new(kind, key, parent);
        self.nodes.push(Node { json: Span::new(json), plain, joined: node.joined && intact, ..node });
        intact
    }

    fn members(&mut self, object: Id) -> bool {
        let (mut intact, mut last) = (true, NONE);
        let mut seen = Seen::default();
        let mut twice = false;
        loop {
            self.skip_space();
            if self.bytes.get(self.at) != Some(&b'"') {
                break;
            }
            let quoted = self.string();
            let key = if quoted.escapes {
                intact &= !quoted.by_number;
                self.decoded(&quoted.json)
            } else {
                Key { decoded: Span::new(quoted.json.start + 1..quoted.json.end.saturating_sub(1)), plain: true }
            };
            twice |= !key.plain || seen.has(self.bytes.get(quoted.json).unwrap_or_default());
            self.skip_space();
            // The colon.
            self.at += 1;
            let id = next_id(self.nodes);
            intact &= self.value(key, object);
            self.link(object, last, id);
            last = id;
            if !self.goes_on() {
                break;
            }
        }
        self.at += 1;
        intact && !(twice && self.forget_earlier(object))
    }

    fn items(&mut self, array: Id) -> bool {
        let (mut intact, mut last) = (true, NONE);
        loop {
            self.skip_space();
            if matches!(self.bytes.get(self.at), None | Some(b']')) {
                break;
            }
            let id = next_id(self.nodes);
            intact &= self.value(Key::default(), array);
            self.link(array, last, id);
            last = id;
            if !self.goes_on() {
                break;
            }
        }
        self.at += 1;
        intact
    }

    /// Whether a comma comes.
    fn goes_on(&mut self) -> bool {
        self.skip_space();
        let comes = self.bytes.get(self.at) == Some(&b',');
        self.at += usize::from(comes);
        comes
    }

    fn link(&mut self, parent: Id, last: Id, id: Id) {
        if last == NONE {
            if let Some(parent) = self.nodes.get_mut(parent as usize) {
                parent.first = id;
            }
        } else if let Some(last) = self.nodes.get_mut(last as usize) {
            last.next = id;
        }
    }

    /// Of a key that is there twice the last counts. Whether there was one.
    fn forget_earlier(&mut self, object: Id) -> bool {
        let mut members = Vec::new();
        let mut next = self.nodes.get(object as usize).map_or(NONE, |node| node.first);
        while let Some(node) = self.nodes.get(next as usize) {
            members.push((self.key(node.key), next));
            next = node.next;
        }
        // The later ones have the larger ids.
        members.sort_unstable();
        let earlier = members.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].1);
        let earlier: Vec<Id> = earlier.collect();
        for id in &earlier {
            if let Some(node) = self.nodes.get_mut(*id as usize) {
                node.gone = true;
            }
        }
        !earlier.is_empty()
    }

    fn key(&self, span: Span) -> &[u8] {
        let (start, end) = (span.start as usize, span.end as usize);
        match start.checked_sub(self.text.len()) {
            Some(behind) => self.more.as_bytes().get(behind..end - self.text.len()).unwrap_or_default(),
            None => self.bytes.get(start..end).unwrap_or_default(),
        }
    }

    fn more_at(&self, range: &Range<usize>) -> &[u8] {
        let behind = |at: usize| at.saturating_sub(self.text.len());
        self.more.as_bytes().get(behind(range.start)..behind(range.end)).unwrap_or_default()
    }

    /// Goes past a string.
    fn string(&mut self) -> Quoted {
        let quoted = quoted(self.bytes, self.at);
        self.at = quoted.json.end;
        quoted
    }

    /// A string that has characters written by their numbers, without that: `\u007b` is a brace as `{` is.
    fn rewritten(&mut self, quoted: &Quoted) -> Option<Range<usize>> {
        if !quoted.by_number {
            return None;
        }
        let text: String = serde_json::from_str(self.text.get(quoted.json.clone())?).unwrap_or_default();
        let json = serde_json::to_string(&text).unwrap_or_else(|_| "\"\"".to_owned());
        Some(self.append(&json))
    }

    fn decoded(&mut self, json: &Range<usize>) -> Key {
        let text = self.text.get(json.clone()).unwrap_or("\"\"");
        let text: String = serde_json::from_str(text).unwrap_or_default();
        Key { decoded: Span::new(self.append(&text)), plain: false }
    }

    fn append(&mut self, more: &str) -> Range<usize> {
        let start = self.text.len() + self.more.len();
        self.more.push_str(more);
        start..start + more.len()
    }

    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }
}

impl Node {
    fn new(kind: Kind, key: Key, parent: Id) -> Self {
        Node {
            kind,
            plain: true,
            plain_key: key.plain,
            joined: parent != NONE && key.plain && key.decoded.end > 0,
            gone: false,
            key: key.decoded,
            json: Span::default(),
            parent,
            next: NONE,
            first: NONE,
        }
    }
}

fn next_id(nodes: &[Node]) -> Id {
    Id::try_from(nodes.len()).unwrap_or(NONE)
}
