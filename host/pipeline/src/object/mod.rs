//! A JSON object of which only the first level has been taken apart. The rest stays the text that came: most of an event is
//! carried to the journal and into guests as it is, and a tree of values costs several times what its text does.

mod depth;
mod members;
mod plain;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use serde::de::{DeserializeOwned, Error};
use serde_json::{Map, Value};

pub(crate) use depth::depth_of;

use depth::{Depth, Valid};
use members::{Inner, Member, Parts, append, in_order, order, parts};
use plain::is_plain;

/// A JSON object. Its text is valid all the way down: whatever was taken in here can be read as a [`Value`].
#[derive(Clone, Debug, Default)]
pub struct Object {
    /// The text that came, and behind it what was put in later: one piece of memory for all of it.
    text: String,
    /// Each key once, the shorter ones first: that tells most keys apart without a look at them.
    members: Vec<Member>,
    /// A bit for each length that keys have: most keys that are looked for are not there, which is known without a look at one.
    lengths: u64,
    /// How many arrays and objects lie in each other below it, at most.
    depth: usize,
    /// What is in [`APART`], as it came.
    inner: Option<Inner>,
}

/// Up to so many members are gone through one by one, which takes less than guessing among them.
const FEW: usize = 24;

/// Room for what sources and enrichment put into an event, beside a longer `context`.
const ROOM: usize = 512;

/// The member that is taken apart together with the event: every event's is looked into.
const APART: &str = "context";

impl Object {
    /// Takes an object apart, with the same verdict on the text that reading it into a [`Value`] gives: a key that is there
    /// twice counts as its last.
    ///
    /// # Errors
    /// When the text is no JSON object, or nested deeper than JSON parsers go.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        let mut all = with_room(text, text.len() / 2 + ROOM);
        match parts::<Depth>(&mut all, text.len(), Some(APART)) {
            Some(parts) => Ok(Object::of(all, parts)),
            // Only to say what is wrong, and where.
            None => {
                Err(serde_json::from_str::<Map<String, Value>>(text).err().unwrap_or_else(|| Error::custom("too deep")))
            }
        }
    }

    /// An object within one that was taken in, so its text is valid. `depth` is what it has at most.
    fn within(text: &str, depth: usize) -> Option<Self> {
        let mut all = with_room(text, ROOM);
        let parts = parts::<Valid>(&mut all, text.len(), None)?;
        Some(Object::of(all, Parts { depth, ..parts }))
    }

    fn of(text: String, parts: Parts) -> Self {
        let Parts { members, depth, inner, .. } = parts;
        let members = in_order(members, &text);
        let lengths = members.iter().fold(0, |lengths, member| lengths | bit(member.key.len()));
        Object { text, members, lengths, depth, inner }
    }

    /// The member as JSON.
    pub fn json(&self, key: &str) -> Option<&str> {
        let at = self.find(key)?;
        Some(&self.text[self.members[at].value.clone()])
    }

    /// The member's value. For small ones: it is read anew each time.
    pub fn value(&self, key: &str) -> Option<Value> {
        self.read(key)
    }

    /// The member's text, where it is a string.
    pub fn string(&self, key: &str) -> Option<String> {
        let json = self.json(key)?;
        let quoted = json.strip_prefix('"')?.strip_suffix('"')?;
        if quoted.contains('\\') { self.read(key) } else { Some(quoted.to_owned()) }
    }

    /// The member, where it is an object.
    pub fn object(&self, key: &str) -> Option<Object> {
        let place = &self.members[self.find(key)?].value;
        let json = &self.text[place.clone()];
        if !json.starts_with('{') {
            return None;
        }
        // Unless another value has been put in its place.
        match self.inner.as_ref().filter(|inner| inner.place == *place) {
            Some(Inner { members, depth, .. }) => {
                let members = members.iter().map(|member| member.back(place.start)).collect();
                Some(Object::of(with_room(json, ROOM), Parts { members, depth: *depth, ..Parts::default() }))
            }
            None => Object::within(json, self.depth.saturating_sub(1)),
        }
    }

    pub fn contains(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| &self.text[member.key.clone()])
    }

    /// Each member: its key, and its value as JSON.
    pub fn members(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().map(|member| (&self.text[member.key.clone()], &self.text[member.value.clone()]))
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Sets a member.
    pub fn set(&mut self, key: &str, value: &Value) {
        // Writing into memory cannot fail.
        self.put(key, depth_of(value), |text| {
            let _ = write!(text, "{value}");
        });
    }

    /// Sets a member to a string.
    pub fn set_string(&mut self, key: &str, string: &str) {
        self.put(key, 0, |text| push_string(text, string));
    }

    /// Sets a member to an object.
    pub fn set_object(&mut self, key: &str, object: &Object) {
        self.put(key, object.depth + 1, |text| object.write(text));
    }

    pub fn remove(&mut self, key: &str) {
        if let Some(at) = self.find(key) {
            self.members.remove(at);
        }
    }

    /// The first member that is nested deeper than `levels`.
    pub(crate) fn deeper_than(&self, levels: usize) -> Option<&str> {
        if self.depth <= levels {
            return None;
        }
        self.keys().find(|key| self.read(key).is_none_or(|Depth(depth)| depth > levels))
    }

    /// Appends the object's JSON.
    pub fn write(&self, out: &mut String) {
        out.push('{');
        for (position, member) in self.members.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            let key = &self.text[member.key.clone()];
            if member.plain {
                out.push('"');
                out.push_str(key);
                out.push('"');
            } else {
                push_string(out, key);
            }
            out.push(':');
            out.push_str(&self.text[member.value.clone()]);
        }
        out.push('}');
    }

    /// About how long its JSON is, in bytes.
    pub fn text_len(&self) -> usize {
        // Of each key the quotes and the colon are not in the text.
        self.text.len() + 4 * self.members.len()
    }

    pub fn to_json(&self) -> String {
        let mut json = String::with_capacity(self.text_len() + 2);
        self.write(&mut json);
        json
    }

    /// All of it, as values.
    pub fn to_map(&self) -> Map<String, Value> {
        self.keys().filter_map(|key| Some((key.to_owned(), self.value(key)?))).collect()
    }

    fn find(&self, key: &str) -> Option<usize> {
        if self.lengths & bit(key.len()) == 0 {
            return None;
        }
        let bytes = self.text.as_bytes();
        if self.members.len() > FEW {
            return self.members.binary_search_by(|member| order(&bytes[member.key.clone()], key.as_bytes())).ok();
        }
        let may_be = |member: &&Member| member.key.len() <= key.len();
        let is_it = |member: &Member| member.key.len() == key.len() && bytes[member.key.clone()] == *key.as_bytes();
        self.members.iter().take_while(may_be).position(is_it)
    }

    fn put(&mut self, key: &str, depth: usize, write: impl FnOnce(&mut String)) {
        self.depth = self.depth.max(depth);
        let start = self.text.len();
        write(&mut self.text);
        let value = start..self.text.len();
        if let Some(at) = self.find(key) {
            self.members[at].value = value;
            return;
        }
        let is_before = |member: &Member| order(&self.text.as_bytes()[member.key.clone()], key.as_bytes()).is_lt();
        let at = self.members.partition_point(is_before);
        let key = append(&mut self.text, key);
        self.lengths |= bit(key.len());
        self.members.insert(at, Member { plain: is_plain(&self.text[key.clone()]), key, value });
    }

    fn read<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.json(key)?).ok()
    }
}

impl From<&Map<String, Value>> for Object {
    fn from(map: &Map<String, Value>) -> Self {
        let mut object = Object::default();
        map.iter().for_each(|(key, value)| object.set(key, value));
        object
    }
}

/// The same members with the same values, however they are written.
impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.to_map() == other.to_map()
    }
}

/// A text, and memory for so much more.
fn with_room(text: &str, room: usize) -> String {
    let mut all = String::with_capacity(text.len() + room);
    all.push_str(text);
    all
}

fn bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// Appends a text as a JSON string.
pub(crate) fn push_string(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push('"');
        out.push_str(text);
        out.push('"');
        return;
    }
    // Every text is a JSON string.
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
}
