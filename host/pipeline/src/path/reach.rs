//! What lies at a path: to look at, to change and to take away. Lists are looked through, lists of lists too.
//!
//! It recurses as deep as an event is nested, which is bounded where events are taken, or a path is long.

use serde_json::{Map, Value};

use super::{Path, PathError};

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
