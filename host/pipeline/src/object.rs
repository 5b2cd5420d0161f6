//! A JSON object of which only the first level has been taken apart. The rest stays the text that came: most of an event is
//! carried to the journal and into guests as it is, and a tree of values costs several times what its text does.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A JSON object. Its text is valid all the way down: whatever was taken in here can be read as a [`Value`].
#[derive(Clone, Debug, Default)]
pub struct Object {
    text: Box<str>,
    /// Each key once, the shorter ones first: that tells most keys apart without a look at them.
    members: Vec<Member>,
    /// How many arrays and objects lie in each other below it, at most.
    depth: usize,
}

#[derive(Clone, Debug)]
struct Member {
    /// Decoded.
    key: Part,
    /// JSON.
    value: Part,
}

/// A part of the object's own text, or one that was put in later.
#[derive(Clone, Debug)]
enum Part {
    In(Range<usize>),
    Own(Box<str>),
}

impl Object {
    /// Takes an object apart, with the same verdict on the text that reading it into a [`Value`] gives: a key that is there
    /// twice counts as its last.
    ///
    /// # Errors
    /// When the text is no JSON object, or nested deeper than JSON parsers go.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        match members(text) {
            Some((members, depth)) => Ok(Object { text: text.into(), members: in_order(members, text), depth }),
            // Only to say what is wrong, and where.
            None => {
                Err(serde_json::from_str::<Map<String, Value>>(text).err().unwrap_or_else(|| Error::custom("too deep")))
            }
        }
    }

    /// The member as JSON.
    pub fn json(&self, key: &str) -> Option<&str> {
        let at = self.find(key).ok()?;
        Some(self.members[at].value.of(&self.text))
    }

    /// The member's value. For small ones: it is read anew each time.
    pub fn value(&self, key: &str) -> Option<Value> {
        self.read(key)
    }

    /// The member's text, where it is a string.
    pub fn string(&self, key: &str) -> Option<String> {
        self.json(key)?.starts_with('"').then(|| self.read(key)).flatten()
    }

    /// The member, where it is an object.
    pub fn object(&self, key: &str) -> Option<Object> {
        self.json(key).filter(|json| json.starts_with('{')).and_then(|json| Object::parse(json).ok())
    }

    pub fn contains(&self, key: &str) -> bool {
        self.find(key).is_ok()
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.key.of(&self.text))
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Sets a member.
    pub fn set(&mut self, key: &str, value: &Value) {
        // A value's keys are strings, so it is always JSON.
        self.put(key, value.to_string().into(), depth_of(value));
    }

    /// Sets a member to a string.
    pub fn set_string(&mut self, key: &str, text: &str) {
        let mut json = String::with_capacity(text.len() + 2);
        push_string(&mut json, text);
        self.put(key, json.into(), 0);
    }

    /// Sets a member to an object.
    pub fn set_object(&mut self, key: &str, object: &Object) {
        self.put(key, object.to_json().into(), object.depth + 1);
    }

    pub fn remove(&mut self, key: &str) {
        if let Ok(at) = self.find(key) {
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
            match &member.key {
                // It was found without an escape in it, and needs none now.
                Part::In(range) => {
                    out.push('"');
                    out.push_str(&self.text[range.clone()]);
                    out.push('"');
                }
                Part::Own(key) => push_string(out, key),
            }
            out.push(':');
            out.push_str(member.value.of(&self.text));
        }
        out.push('}');
    }

    /// About how long its JSON is, in bytes.
    pub fn text_len(&self) -> usize {
        let own = |part: &Part| if let Part::Own(own) = part { own.len() + 4 } else { 0 };
        self.text.len() + self.members.iter().map(|member| own(&member.key) + own(&member.value)).sum::<usize>()
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

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.members.binary_search_by(|member| order(member.key.of(&self.text), key))
    }

    fn put(&mut self, key: &str, json: Box<str>, depth: usize) {
        self.depth = self.depth.max(depth);
        match self.find(key) {
            Ok(at) => self.members[at].value = Part::Own(json),
            Err(at) => self.members.insert(at, Member { key: Part::Own(key.into()), value: Part::Own(json) }),
        }
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

/// Where the members of an object's text lie, and how deep the deepest is. `None` for what serde_json would not read as an
/// object of [`Value`]s: each key and each value is read by it, only the punctuation between them here.
fn members(text: &str) -> Option<(Vec<Member>, usize)> {
    let mut rest = Rest { text, at: 0 };
    // An event has about a dozen. What more come are bounded by the text's length.
    let mut members = Vec::with_capacity(16);
    let mut deepest = 0;
    rest.take(b'{')?;
    if rest.take(b'}').is_none() {
        loop {
            rest.peek(b'"')?;
            let key = match rest.read::<Name<'_>>()? {
                (Name(Cow::Borrowed(key)), range) => Part::In(range.start + 1..range.start + 1 + key.len()),
                (Name(Cow::Owned(key)), _) => Part::Own(key.into()),
            };
            rest.take(b':')?;
            let (Depth(depth), value) = rest.read()?;
            deepest = deepest.max(depth);
            members.push(Member { key, value: Part::In(value) });
            if rest.take(b',').is_none() {
                rest.take(b'}')?;
                break;
            }
        }
    }
    // Of serde_json's 128 levels the object itself takes one, and it gives up when the last begins.
    (rest.is_end() && deepest <= 126).then_some((members, deepest))
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

fn in_order(mut members: Vec<Member>, text: &str) -> Vec<Member> {
    members.sort_by(|one, other| order(one.key.of(text), other.key.of(text)));
    // The sort is stable, so the last of a key is the last that came.
    members.dedup_by(|later, earlier| {
        let twice = later.key.of(text) == earlier.key.of(text);
        if twice {
            std::mem::swap(later, earlier);
        }
        twice
    });
    members
}

fn order(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

pub(crate) fn depth_of(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth_of).max().unwrap_or(0),
        Value::Object(object) => 1 + object.values().map(depth_of).max().unwrap_or(0),
        _ => 0,
    }
}

fn push_string(out: &mut String, text: &str) {
    // Every text is a JSON string.
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
}

impl Part {
    fn of<'p>(&'p self, text: &'p str) -> &'p str {
        match self {
            Part::In(range) => &text[range.clone()],
            Part::Own(own) => own,
        }
    }
}

/// How many arrays and objects lie in each other in a value; 0 for what is neither. Reading one gives the errors that reading
/// a [`Value`] gives, without the cost of having it.
struct Depth(usize);

impl<'de> Deserialize<'de> for Depth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Levels)
    }
}

struct Levels;

impl<'de> Visitor<'de> for Levels {
    type Value = Depth;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_unit<E: Error>(self) -> Result<Depth, E> {
        Ok(Depth(0))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Depth, A::Error> {
        let mut deepest = 0;
        while let Some(Depth(depth)) = items.next_element()? {
            deepest = deepest.max(depth);
        }
        Ok(Depth(deepest + 1))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Depth, A::Error> {
        let mut deepest = 0;
        while members.next_key::<Depth>()?.is_some() {
            let Depth(depth) = members.next_value()?;
            deepest = deepest.max(depth);
        }
        Ok(Depth(deepest + 1))
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'t>(#[serde(borrow)] Cow<'t, str>);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(text: &str) {
        let expected = serde_json::from_str::<Map<String, Value>>(text);
        match (Object::parse(text), expected) {
            (Ok(object), Ok(map)) => {
                assert_eq!(object.to_map(), map, "{text}");
                assert_eq!(serde_json::from_str::<Map<String, Value>>(&object.to_json()).unwrap(), map, "{text}");
                assert_eq!(object.keys().count(), map.len(), "{text}");
                for (key, value) in &map {
                    assert_eq!(object.value(key).as_ref(), Some(value), "{text}");
                    assert_eq!(object.string(key).as_deref(), value.as_str(), "{text}");
                }
            }
            (Err(ours), Err(theirs)) => assert_eq!(ours.to_string(), theirs.to_string(), "{text}"),
            (ours, theirs) => panic!("{text}: {ours:?}, but {theirs:?}"),
        }
    }

    #[test]
    fn takes_and_refuses_what_a_value_does() {
        check(r#"{}"#);
        check(r#" { "b" : 1 , "a":"x\n\u00e9" } "#);
        check(r#"{"a":1,"b":2,"a":3,"\u0061":{"a":4,"a":5}}"#);
        check(r#"{"a":[1,{"b":null}],"c\"d":true,"":-0.5e3}"#);
        check(r#"{"a":1e999}"#);
        check(r#"{"a":"\ud83d"}"#);
        check(r#"{"a":"\x"}"#);
        check(r#"{"a":{"b":[01]}}"#);
        check(r#"{"a":1}}"#);
        check(r#"{"a":1"#);
        check("");
        check("{\"a\":\"\u{1}\"}");
        check(&format!("{{\"a\":{}{}}}", "[".repeat(126), "]".repeat(126)));
        check(&format!("{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127)));
    }

    #[test]
    fn changes_stand_beside_what_came() {
        let mut object = Object::parse(r#"{"b": [1, 2], "a": "x"}"#).unwrap();
        object.set_string("c", "quoted \"\n");
        object.set("a", &json!({"deep": [[]]}));
        object.set_object("d", &Object::parse(r#"{"k":{}}"#).unwrap());
        object.remove("missing");
        assert_eq!(object.to_json(), r#"{"a":{"deep":[[]]},"b":[1, 2],"c":"quoted \"\n","d":{"k":{}}}"#);
        assert_eq!((object.deeper_than(2), object.deeper_than(3)), (Some("a"), None));
        object.remove("b");
        assert_eq!(object.object("a").unwrap().json("deep"), Some("[[]]"));
        assert_eq!(object.object("c"), None);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn says_the_same_as_a_value_of_any_text(value in json(), cut in any::<prop::sample::Index>()) {
            let text = json!({"value": value, "more": 1}).to_string();
            check(&text);
            let at = text.floor_char_boundary(cut.index(text.len()));
            check(&text[..at]);
        }
    }
}
