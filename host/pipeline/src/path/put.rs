//! Putting values at paths, in every element where a path leads through a list.

use serde_json::Value;

use super::Path;
use crate::outline::{Id, Item, Kind, Outline};

/// How much putting one value at one path may add to an event, in bytes: as much as the largest request. A list's length
/// is its sender's choice, and every element gets a copy.
const MAX_COPIED: usize = 512_000;

impl Path {
    /// Puts `value` at this path, in every element where it leads through lists. Objects on the way are made where they are
    /// missing; a text, number or boolean on the way is replaced by one.
    pub fn set(&self, fields: &mut Outline, value: &Value) {
        self.set_in(fields, Outline::ROOT, value);
    }

    /// The same, within one object.
    pub(crate) fn set_in(&self, fields: &mut Outline, object: Id, value: &Value) {
        Put { fields, value, weight: weight(value), room: MAX_COPIED, over: true }.object(&self.0, object);
    }

    /// As [`Path::set`], but only where nothing is, or null. What lies on the way is not replaced.
    pub(crate) fn fill(&self, fields: &mut Outline, value: &Value) {
        Put { fields, value, weight: weight(value), room: MAX_COPIED, over: false }.object(&self.0, Outline::ROOT);
    }

    /// Whether [`Path::fill`] would put something somewhere.
    pub(crate) fn is_to_fill(&self, fields: &Outline) -> bool {
        is_to_fill(&self.0, fields.root())
    }
}

fn is_to_fill(parts: &[String], object: Item<'_>) -> bool {
    fn within(parts: &[String], value: Item<'_>) -> bool {
        match value.kind() {
            Kind::Null => true,
            Kind::Object => is_to_fill(parts, value),
            Kind::Array => value.items().any(|item| item.is_container() && within(parts, item)),
            Kind::True | Kind::False | Kind::Number | Kind::Text => false,
        }
    }
    match parts {
        [] => false,
        [last] => object.member(last).is_none_or(|value| value.kind() == Kind::Null),
        [first, rest @ ..] => object.member(first).is_none_or(|value| within(rest, value)),
    }
}

/// A value on its way to its place, or its places.
struct Put<'p> {
    fields: &'p mut Outline,
    value: &'p Value,
    weight: usize,
    /// How many bytes of copies may still be made.
    room: usize,
    /// Over what is there already.
    over: bool,
}

impl Put<'_> {
    fn object(&mut self, parts: &[String], object: Id) {
        match parts {
            [] => {}
            [last] if !self.over && self.is_there(object, last) => {}
            [last] => {
                // The first copy is as large as what the event, or the container, has anyway.
                if let Some(room) = self.room.checked_sub(self.weight.min(MAX_COPIED)) {
                    self.room = room;
                    let place = self.fields.member_or_null(object, last);
                    self.fields.replace(place, self.value);
                }
            }
            [first, rest @ ..] => {
                let below = self.fields.member_or_null(object, first);
                self.within(rest, below);
            }
        }
    }

    fn is_there(&self, object: Id, key: &str) -> bool {
        self.fields.item(object).member(key).is_some_and(|there| there.kind() != Kind::Null)
    }

    fn within(&mut self, parts: &[String], value: Id) {
        match self.fields.item(value).kind() {
            Kind::Object => self.object(parts, value),
            Kind::Array => {
                let items = self.fields.item(value).items().filter(|item| item.is_container());
                for item in items.map(|item| item.id).collect::<Vec<_>>() {
                    self.within(parts, item);
                }
            }
            Kind::True | Kind::False | Kind::Number | Kind::Text if !self.over => {}
            Kind::True | Kind::False | Kind::Number | Kind::Text | Kind::Null => {
                self.fields.make_object(value);
                self.object(parts, value);
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

    fn check(change: impl Fn(&mut Outline), event: Value, expected: Value) {
        let mut fields = Outline::from(event.as_object().expect("an object"));
        change(&mut fields);
        assert_eq!(Value::Object(fields.to_map()), expected, "{event}");
    }

    fn path(text: &str) -> Path {
        Path::parse(text).expect("path")
    }

    #[test]
    fn sets_through_objects_and_lists() {
        let set = |at: &'static str| move |fields: &mut Outline| path(at).set(fields, &json!(5));
        check(set("a.b"), json!({}), json!({"a": {"b": 5}}));
        check(set("a.b"), json!({"a": "text"}), json!({"a": {"b": 5}}));
        check(set("a.b"), json!({"a": [{"b": 1}, {}, 7]}), json!({"a": [{"b": 5}, {"b": 5}, 7]}));
        check(set("a.b"), json!({"a": []}), json!({"a": []}));
    }

    #[test]
    fn fills_only_what_is_missing() {
        let fill = |at: &'static str| {
            move |fields: &mut Outline| {
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
        let event = json!({ "a": vec![json!({}); 20_000] });
        let mut fields = Outline::from(event.as_object().expect("an object"));
        path("a.b").set(&mut fields, &Value::String("x".repeat(100_000)));
        let copies =
            fields.to_map()["a"].as_array().expect("list").iter().filter(|item| item.get("b").is_some()).count();
        assert!((1..=5).contains(&copies), "{copies}");
    }
}
