//! Going through a JSON text once. serde_json has read it before, or written it: here nothing is checked again.

use std::ops::Range;

use super::{Id, Kind, NONE, Node, Outline, Span};

/// Up to so many members are compared with each other; more are sorted.
const FEW: usize = 24;

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

/// Where a string lies, with its quotes, and what it takes to read it.
struct Quoted {
    json: Range<usize>,
    /// Whether it has escapes, and among them one by a number.
    escapes: bool,
    by_number: bool,
}

impl Indexing<'_> {
    /// Whether the text of the value is to stay as it is.
    fn value(&mut self, key: Key, parent: Id) -> bool {
        self.skip_space();
        let start = self.at;
        let id = next_id(self.nodes);
        let (kind, json, plain, intact) = match self.bytes.get(start) {
            Some(b'"') => {
                let quoted = self.quoted();
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
        let (mut intact, mut last, mut count) = (true, NONE, 0);
        let mut seen = Seen::default();
        let mut twice = false;
        loop {
            self.skip_space();
            if self.bytes.get(self.at) != Some(&b'"') {
                break;
            }
            let quoted = self.quoted();
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
            (last, count) = (id, count + 1);
            if !self.goes_on() {
                break;
            }
        }
        self.at += 1;
        if twice && self.forget_earlier(object, count) {
            intact = false;
        }
        intact
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
    fn forget_earlier(&mut self, object: Id, count: usize) -> bool {
        let mut children = Vec::with_capacity(count);
        let mut child = self.first(object);
        while let Some(node) = self.nodes.get(child as usize) {
            children.push((self.key(node.key), child));
            child = node.next;
        }
        let mut earlier: Vec<Id> = Vec::new();
        if count <= FEW {
            for (at, (key, id)) in children.iter().enumerate() {
                if children.iter().skip(at + 1).any(|(later, _)| later == key) {
                    earlier.push(*id);
                }
            }
        } else {
            // The sort is stable: of equal keys the last comes last.
            let mut sorted = children.clone();
            sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
            earlier.extend(sorted.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].1));
            earlier.sort_unstable();
        }
        if earlier.is_empty() {
            return false;
        }
        let left: Vec<Id> =
            children.into_iter().map(|(_, id)| id).filter(|id| earlier.binary_search(id).is_err()).collect();
        let mut last = NONE;
        for id in left {
            self.link(object, last, id);
            last = id;
        }
        if let Some(last) = self.nodes.get_mut(last as usize) {
            last.next = NONE;
        }
        true
    }

    fn first(&self, id: Id) -> Id {
        self.nodes.get(id as usize).map_or(NONE, |node| node.first)
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
    fn quoted(&mut self) -> Quoted {
        let start = self.at;
        let (mut escapes, mut by_number) = (false, false);
        let mut at = start + 1;
        loop {
            at += plain_length(self.bytes.get(at..).unwrap_or_default());
            match self.bytes.get(at) {
                Some(b'\\') => {
                    escapes = true;
                    by_number |= self.bytes.get(at + 1) == Some(&b'u');
                    at += 2;
                }
                Some(_) => {
                    at += 1;
                    break;
                }
                None => break,
            }
        }
        self.at = at;
        Quoted { json: start..at, escapes, by_number }
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

/// Which keys an object may have had before: now and then one that it had not.
#[derive(Default)]
struct Seen([u64; 4]);

impl Seen {
    /// Whether a key, in its quotes, may have come before.
    fn has(&mut self, quoted: &[u8]) -> bool {
        let [first, last] = [1, quoted.len().saturating_sub(2)].map(|at| quoted.get(at).copied().unwrap_or_default());
        let sum =
            quoted.len().wrapping_mul(29) ^ usize::from(first).wrapping_mul(7) ^ usize::from(last).wrapping_mul(37);
        let (word, bit) = (&mut self.0[sum / 64 % 4], 1 << (sum % 64));
        let seen = *word & bit != 0;
        *word |= bit;
        seen
    }
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

fn next_id(nodes: &[Node]) -> Id {
    Id::try_from(nodes.len()).unwrap_or(NONE)
}
