//! What a tag's transformations did to an event, for a person to read: which fields, and never their values.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Chain, Passage};
use crate::expression::View;
use crate::trigger::Shown;

/// How deep a changed field is named; a change further down is named by what holds it.
const NAMED_DEPTH: usize = 4;

/// The most fields that are named of one change; an event can have thousands.
const NAMED_FIELDS: usize = 32;

/// What became of one transformation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Traced {
    /// The change's key in the container: `drop`, `hash`.
    pub change: &'static str,
    /// Its condition, with what that came to.
    pub when: Option<Shown>,
    /// The fields that it changed, in the order of the event's keys, each once. None where its condition was false, or it found nothing
    /// to change.
    pub fields: Vec<String>,
    /// Whether it kept the event from the tag.
    #[serde(rename = "filtered")]
    pub is_filtered: bool,
}

impl Traced {
    /// Whether it was made, or would have been if there had been something to change.
    pub fn is_due(&self) -> bool {
        self.when.as_ref().is_none_or(|when| when.value)
    }
}

impl Chain {
    /// What becomes of each transformation, up to one that filters the event.
    pub fn trace(&self, event: &View<'_>) -> Vec<Traced> {
        let mut traced = Vec::new();
        let mut before = Cow::Borrowed(event.fields());
        let mut values = before.to_map();
        for transform in self.iter() {
            let view = event.with_fields(&before);
            let when = transform.when.as_ref().map(|when| Shown::of("when", when, &view));
            let mut event = Passage::of(&view, &before);
            let is_filtered = transform.apply(&mut event).is_err();
            let mut fields = Vec::new();
            let after = event.into_fields();
            if let Cow::Owned(after) = &after {
                let after = after.to_map();
                name_objects(&mut fields, &mut Vec::new(), &values, &after);
                values = after;
            }
            traced.push(Traced { change: transform.name, when, fields, is_filtered });
            if is_filtered {
                break;
            }
            if let Cow::Owned(after) = after {
                before = Cow::Owned(after);
            }
        }
        traced
    }
}

fn name_objects<'v>(
    named: &mut Vec<String>,
    way: &mut Vec<&'v str>,
    before: &'v Map<String, Value>,
    after: &'v Map<String, Value>,
) {
    let new = after.keys().filter(|key| !before.contains_key(*key));
    for key in before.keys().chain(new) {
        way.push(key);
        match (before.get(key), after.get(key)) {
            (Some(before), Some(after)) => name(named, way, before, after),
            _ => push(named, way),
        }
        way.pop();
    }
}

fn name<'v>(named: &mut Vec<String>, way: &mut Vec<&'v str>, before: &'v Value, after: &'v Value) {
    match (before, after) {
        _ if before == after => {}
        (Value::Object(before), Value::Object(after)) if way.len() < NAMED_DEPTH => {
            name_objects(named, way, before, after);
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            before.iter().zip(after).for_each(|(before, after)| name(named, way, before, after));
        }
        _ => push(named, way),
    }
}

fn push(named: &mut Vec<String>, way: &[&str]) {
    let path = way.join(".");
    if named.len() < NAMED_FIELDS && !named.contains(&path) {
        named.push(path);
    }
}
