//! Putting values at paths, in every element where a path leads through a list.

use serde_json::{Map, Value};

use super::Path;

/// How much putting one value at one path may add to an event, in bytes: as much as the largest request. A list's length
/// is its sender's choice, and every element gets a copy.
const MAX_COPIED: usize = 512_000;

impl Path {
    /// Puts `value` at this path, in every element where it leads through lists. Objects on the way are made where they are
    /// missing; a text, number or boolean on the way is replaced by one.
    pub fn set(&self, fields: &mut Map<String, Value>, value: Value) {
        Put { value: &value, weight: weight(&value), room: MAX_COPIED, over: true }.object(&self.0, fields);
    }

    /// As [`Path::set`], but only where nothing is, or null. What lies on the way is not replaced.
    pub fn fill(&self, fields: &mut Map<String, Value>, value: &Value) {
        Put { value, weight: weight(value), room: MAX_COPIED, over: false }.object(&self.0, fields);
    }

    /// Whether [`Path::fill`] would put something somewhere.
    pub fn is_to_fill(&self, fields: &Map<String, Value>) -> bool {
        is_to_fill(&self.0, fields)
    }
}

fn is_to_fill(parts: &[String], object: &Map<String, Value>) -> bool {
    fn within(parts: &[String], value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Object(object) => is_to_fill(parts, object),
            Value::Array(items) => {
                items.iter().any(|item| (item.is_array() || item.is_object()) && within(parts, item))
            }
            _ => false,
        }
    }
    match parts {
        [] => false,
        [last] => object.get(last).is_none_or(Value::is_null),
        [first, rest @ ..] => object.get(first).is_none_or(|value| within(rest, value)),
    }
}

/// A value on its way to its place, or its places.
struct Put<'v> {
    value: &'v Value,
    weight: usize,
    /// How many bytes of copies may still be made.
    room: usize,
    /// Over what is there already.
    over: bool,
}

impl Put<'_> {
    fn object(&mut self, parts: &[String], object: &mut Map<String, Value>) {
        match parts {
            [] => {}
            [last] if !self.over && object.get(last).is_some_and(|there| !there.is_null()) => {}
            [last] => {
                // The first copy is as large as what the event, or the container, has anyway.
                if let Some(room) = self.room.checked_sub(self.weight.min(MAX_COPIED)) {
                    self.room = room;
                    object.insert(last.clone(), self.value.clone());
                }
            }
            [first, rest @ ..] => self.within(rest, object.entry(first.clone()).or_insert(Value::Null)),
        }
    }

    fn within(&mut self, parts: &[String], value: &mut Value) {
        match value {
            Value::Object(object) => self.object(parts, object),
            Value::Array(items) => {
                items
                    .iter_mut()
                    .filter(|item| item.is_object() || item.is_array())
                    .for_each(|item| self.within(parts, item));
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) if !self.over => {}
            other => {
                let mut object = Map::new();
                self.object(parts, &mut object);
                *other = Value::Object(object);
            }
        }
    }
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight).sum(),
            Value::Object(object) => object.iter().map(|(key, value)| key.len() + weight(value)).sum(),
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(change: impl Fn(&mut Map<String, Value>), event: Value, expected: Value) {
        let Value::Object(mut fields) = event.clone() else { panic!("an object") };
        change(&mut fields);
        assert_eq!(Value::Object(fields), expected, "{event}");
    }

    fn path(text: &str) -> Path {
        Path::parse(text).expect("path")
    }

    #[test]
    fn sets_through_objects_and_lists() {
        let set = |at: &'static str| move |fields: &mut Map<String, Value>| path(at).set(fields, json!(5));
        check(set("a.b"), json!({}), json!({"a": {"b": 5}}));
        check(set("a.b"), json!({"a": "text"}), json!({"a": {"b": 5}}));
        check(set("a.b"), json!({"a": [{"b": 1}, {}, 7]}), json!({"a": [{"b": 5}, {"b": 5}, 7]}));
        check(set("a.b"), json!({"a": []}), json!({"a": []}));
    }

    #[test]
    fn fills_only_what_is_missing() {
        let fill = |at: &'static str| {
            move |fields: &mut Map<String, Value>| {
                let is_to_fill = path(at).is_to_fill(fields);
                let before = fields.clone();
                path(at).fill(fields, &json!(5));
                assert_eq!(is_to_fill, *fields != before, "{before:?}");
            }
        };
        check(fill("a.b"), json!({}), json!({"a": {"b": 5}}));
        check(fill("a.b"), json!({"a": null}), json!({"a": {"b": 5}}));
        check(fill("a.b"), json!({"a": {"b": null}}), json!({"a": {"b": 5}}));
        check(fill("a.b"), json!({"a": {"b": ""}}), json!({"a": {"b": ""}}));
        check(fill("a.b"), json!({"a": "text"}), json!({"a": "text"}));
        check(fill("a.b"), json!({"a": [{"b": 1}, {}, 7]}), json!({"a": [{"b": 1}, {"b": 5}, 7]}));
    }

    #[test]
    fn a_list_does_not_multiply_a_value_without_end() {
        let Value::Object(mut fields) = json!({ "a": vec![json!({}); 20_000] }) else { panic!("an object") };
        path("a.b").set(&mut fields, Value::String("x".repeat(100_000)));
        let copies = fields["a"].as_array().expect("list").iter().filter(|item| item.get("b").is_some()).count();
        assert!((1..=5).contains(&copies), "{copies}");
    }
}
