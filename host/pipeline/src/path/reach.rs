//! What lies at a path: to look at, to change and to take away. Lists are looked through, lists of lists too.
//!
//! It recurses as deep as an event is nested, which is bounded where events are taken, or a path is long.

use serde_json::Value;

use super::{Path, PathError};
use crate::outline::{Id, Item, Kind, Outline};

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

    /// Calls `look` with each text, number and boolean in it.
    pub(crate) fn each<'o>(&self, fields: &'o Outline, look: &mut dyn FnMut(Item<'o>)) {
        each(&self.0, fields.root(), look);
    }
}

impl Path {
    /// Whether there is anything.
    pub(crate) fn leads_somewhere(&self, fields: &Outline) -> bool {
        leads(&self.0, fields.root())
    }

    /// Removes the value at this path, in every element where it leads through lists.
    pub(crate) fn remove(&self, fields: &mut Outline) {
        take(&self.0, fields, Outline::ROOT);
    }

    /// Removes the value from an object and returns it; where the path leads through a list, the list of its elements' values.
    pub(crate) fn take_from(&self, fields: &mut Outline, object: Id) -> Option<Value> {
        let taken = taken(&self.0, fields.item(object));
        if taken.is_some() {
            take(&self.0, fields, object);
        }
        taken
    }

    /// What two paths have in common, and what of each is left; something always is.
    pub(crate) fn fork<'p>(&'p self, other: &'p Path) -> (Path, Path, Path) {
        let most = self.0.len().min(other.0.len()) - 1;
        let common = self.0.iter().zip(&other.0).take(most).take_while(|(own, others)| own == others).count();
        let path = |parts: &[String]| Path(parts.to_vec());
        (path(&self.0[..common]), path(&self.0[common..]), path(&other.0[common..]))
    }

    /// Every object at this path; at the path of [`Path::fork`] that has no part it is the event itself.
    pub(crate) fn objects(&self, fields: &Outline) -> Vec<Id> {
        let mut found = Vec::new();
        objects(&self.0, fields.root(), &mut found);
        found
    }

    /// Whether one of the two lies in the other, or is it.
    pub(crate) fn overlaps(&self, other: &Path) -> bool {
        self.0.iter().zip(&other.0).all(|(own, others)| own == others)
    }
}

fn each<'o>(parts: &[String], value: Item<'o>, look: &mut dyn FnMut(Item<'o>)) {
    match (value.kind(), parts) {
        (Kind::Object, []) => value.members().for_each(|(_, below)| each(&[], below, look)),
        (Kind::Object, [first, rest @ ..]) => {
            if let Some(below) = value.member(first) {
                each(rest, below, look);
            }
        }
        (Kind::Array, parts) => value.items().for_each(|item| each(parts, item, look)),
        (Kind::True | Kind::False | Kind::Number | Kind::Text, []) => look(value),
        _ => {}
    }
}

fn leads(parts: &[String], value: Item<'_>) -> bool {
    let Some((first, rest)) = parts.split_first() else { return true };
    match value.kind() {
        Kind::Object => value.member(first).is_some_and(|below| leads(rest, below)),
        Kind::Array => value.items().any(|item| leads(parts, item)),
        _ => false,
    }
}

/// What [`take`] would take.
fn taken(parts: &[String], value: Item<'_>) -> Option<Value> {
    match (value.kind(), parts) {
        (Kind::Object, [last]) => value.member(last).map(Item::to_value),
        (Kind::Object, [first, rest @ ..]) => taken(rest, value.member(first)?),
        (Kind::Array, parts) => {
            let taken: Vec<Value> = value.items().filter_map(|item| taken(parts, item)).collect();
            (!taken.is_empty()).then_some(Value::Array(taken))
        }
        _ => None,
    }
}

fn take(parts: &[String], fields: &mut Outline, value: Id) {
    let item = fields.item(value);
    match (item.kind(), parts) {
        (Kind::Object, [last]) => {
            if let Some(id) = item.member(last).map(|below| below.id) {
                fields.remove(id);
            }
        }
        (Kind::Object, [first, rest @ ..]) => {
            if let Some(id) = item.member(first).map(|below| below.id) {
                take(rest, fields, id);
            }
        }
        (Kind::Array, parts) => {
            for id in item.items().map(|item| item.id).collect::<Vec<_>>() {
                take(parts, fields, id);
            }
        }
        _ => {}
    }
}

fn objects(parts: &[String], value: Item<'_>, found: &mut Vec<Id>) {
    match (value.kind(), parts) {
        (Kind::Object, []) => found.push(value.id),
        (Kind::Object, [first, rest @ ..]) => {
            if let Some(below) = value.member(first) {
                objects(rest, below, found);
            }
        }
        (Kind::Array, parts) => value.items().for_each(|item| objects(parts, item, found)),
        _ => {}
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
    fn removes_through_objects_and_lists() {
        let remove = |at: &'static str| move |fields: &mut Outline| path(at).remove(fields);
        check(remove("a.b"), json!({"a": {"b": 1, "c": 2}}), json!({"a": {"c": 2}}));
        check(remove("a.b"), json!({"a": [{"b": 1, "c": 2}, 7, [{"b": 3}]]}), json!({"a": [{"c": 2}, 7, [{}]]}));
        check(remove("a.b"), json!({"a": 1}), json!({"a": 1}));
    }

    #[test]
    fn a_part_is_all_that_lies_at_a_path_and_below() {
        let double = |part: &'static str| {
            move |fields: &mut Outline| {
                let part = Part::parse(part).expect("part");
                let mut doubled = Vec::new();
                part.each(fields, &mut |item| {
                    doubled.push((item.id, item.to_value().as_i64().unwrap_or_default() * 2));
                });
                doubled.into_iter().for_each(|(id, value)| fields.replace(id, &json!(value)));
            }
        };
        let event = json!({"a": {"b": [1, {"c": 2}, null]}, "d": 3});
        check(double("*"), event.clone(), json!({"a": {"b": [2, {"c": 4}, null]}, "d": 6}));
        check(double("a.*"), event.clone(), json!({"a": {"b": [2, {"c": 4}, null]}, "d": 3}));
        check(double("a.b.c"), event.clone(), json!({"a": {"b": [1, {"c": 4}, null]}, "d": 3}));
        check(double("d.e"), event.clone(), event);
    }
}
