//! What lies at a path: to look at, to change, to take away and to put there. Lists are looked through, lists of lists too.
//!
//! It recurses as deep as an event is nested, which is bounded where events are taken, or a path is long.

use serde_json::{Map, Value};

use super::{Path, PathError};

/// How much putting one value at one path may add to an event, in bytes: as much as the largest request. A list's length
/// is its sender's choice, and every element gets a copy.
const MAX_COPIED: usize = 512_000;

/// Whatever lies at a path and below it, or all of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part(Vec<String>);

impl Part {
    /// Reads `context.page`, `context.page.*`, which means the same, or `*`, the whole event.
    ///
    /// # Errors
    /// When a part is empty or a star, or when there are too many.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        match text {
            "*" => Ok(Part(Vec::new())),
            text => Path::parse(text.strip_suffix(".*").unwrap_or(text)).map(|path| Part(path.0)),
        }
    }

    /// Whether a text, number or boolean in it is such a one.
    pub fn any(&self, fields: &Map<String, Value>, test: &dyn Fn(&Value) -> bool) -> bool {
        any_in_object(&self.0, fields, test)
    }

    /// Changes the texts, numbers and booleans in it.
    pub fn each(&self, fields: &mut Map<String, Value>, change: &dyn Fn(&mut Value)) {
        each_in_object(&self.0, fields, change);
    }
}

impl Path {
    /// Whether there is anything.
    pub fn leads_somewhere(&self, fields: &Map<String, Value>) -> bool {
        leads(&self.0, fields)
    }

    /// Removes the value at this path, in every element where it leads through lists.
    pub fn remove(&self, fields: &mut Map<String, Value>) {
        self.take(fields);
    }

    /// Removes the value and returns it; where the path leads through a list, the list of its elements' values.
    pub fn take(&self, fields: &mut Map<String, Value>) -> Option<Value> {
        take(&self.0, fields)
    }

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

    /// What two paths have in common, and what of each is left; something always is.
    pub fn fork<'p>(&'p self, other: &'p Path) -> (Path, Path, Path) {
        let most = self.0.len().min(other.0.len()) - 1;
        let common = self.0.iter().zip(&other.0).take(most).take_while(|(own, others)| own == others).count();
        let path = |parts: &[String]| Path(parts.to_vec());
        (path(&self.0[..common]), path(&self.0[common..]), path(&other.0[common..]))
    }

    /// Calls `visit` with every object at this path; the path of [`Path::fork`] that has no part is the event itself.
    pub fn objects(&self, fields: &mut Map<String, Value>, visit: &mut dyn FnMut(&mut Map<String, Value>)) {
        objects(&self.0, fields, visit);
    }

    /// Whether one of the two lies in the other, or is it.
    pub fn overlaps(&self, other: &Path) -> bool {
        self.0.iter().zip(&other.0).all(|(own, others)| own == others)
    }
}

fn any_in_object(parts: &[String], object: &Map<String, Value>, test: &dyn Fn(&Value) -> bool) -> bool {
    match parts {
        [] => object.values().any(|value| any_in(&[], value, test)),
        [first, rest @ ..] => object.get(first).is_some_and(|value| any_in(rest, value, test)),
    }
}

fn any_in(parts: &[String], value: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Object(object) => any_in_object(parts, object, test),
        Value::Array(items) => items.iter().any(|item| any_in(parts, item, test)),
        value => parts.is_empty() && !value.is_null() && test(value),
    }
}

fn each_in_object(parts: &[String], object: &mut Map<String, Value>, change: &dyn Fn(&mut Value)) {
    match parts {
        [] => object.values_mut().for_each(|value| each_in(&[], value, change)),
        [first, rest @ ..] => {
            if let Some(value) = object.get_mut(first) {
                each_in(rest, value, change);
            }
        }
    }
}

fn each_in(parts: &[String], value: &mut Value, change: &dyn Fn(&mut Value)) {
    match value {
        Value::Object(object) => each_in_object(parts, object, change),
        Value::Array(items) => items.iter_mut().for_each(|item| each_in(parts, item, change)),
        Value::Null => {}
        value if parts.is_empty() => change(value),
        _ => {}
    }
}

fn leads(parts: &[String], object: &Map<String, Value>) -> bool {
    fn within(parts: &[String], value: &Value) -> bool {
        match value {
            _ if parts.is_empty() => true,
            Value::Object(object) => leads(parts, object),
            Value::Array(items) => items.iter().any(|item| within(parts, item)),
            _ => false,
        }
    }
    let Some((first, rest)) = parts.split_first() else { return true };
    object.get(first).is_some_and(|value| within(rest, value))
}

fn take(parts: &[String], object: &mut Map<String, Value>) -> Option<Value> {
    fn within(parts: &[String], value: &mut Value) -> Option<Value> {
        match value {
            Value::Object(object) => take(parts, object),
            Value::Array(items) => {
                let taken: Vec<Value> = items.iter_mut().filter_map(|item| within(parts, item)).collect();
                (!taken.is_empty()).then_some(Value::Array(taken))
            }
            _ => None,
        }
    }
    match parts {
        [] => None,
        [last] => object.remove(last),
        [first, rest @ ..] => within(rest, object.get_mut(first)?),
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

fn objects(parts: &[String], object: &mut Map<String, Value>, visit: &mut dyn FnMut(&mut Map<String, Value>)) {
    fn within(parts: &[String], value: &mut Value, visit: &mut dyn FnMut(&mut Map<String, Value>)) {
        match value {
            Value::Object(object) => objects(parts, object, visit),
            Value::Array(items) => items.iter_mut().for_each(|item| within(parts, item, visit)),
            _ => {}
        }
    }
    match parts {
        [] => visit(object),
        [first, rest @ ..] => {
            if let Some(value) = object.get_mut(first) {
                within(rest, value, visit);
            }
        }
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
    fn removes_through_objects_and_lists() {
        let remove = |at: &'static str| move |fields: &mut Map<String, Value>| path(at).remove(fields);
        check(remove("a.b"), json!({"a": {"b": 1, "c": 2}}), json!({"a": {"c": 2}}));
        check(remove("a.b"), json!({"a": [{"b": 1, "c": 2}, 7, [{"b": 3}]]}), json!({"a": [{"c": 2}, 7, [{}]]}));
        check(remove("a.b"), json!({"a": 1}), json!({"a": 1}));
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

    #[test]
    fn a_part_is_all_that_lies_at_a_path_and_below() {
        let double = |part: &'static str| {
            move |fields: &mut Map<String, Value>| {
                let part = Part::parse(part).expect("part");
                part.each(fields, &|value| *value = json!(value.as_i64().unwrap_or_default() * 2));
            }
        };
        let event = json!({"a": {"b": [1, {"c": 2}, null]}, "d": 3});
        check(double("*"), event.clone(), json!({"a": {"b": [2, {"c": 4}, null]}, "d": 6}));
        check(double("a.*"), event.clone(), json!({"a": {"b": [2, {"c": 4}, null]}, "d": 3}));
        check(double("a.b.c"), event.clone(), json!({"a": {"b": [1, {"c": 4}, null]}, "d": 3}));
        check(double("d.e"), event.clone(), event);
    }
}
