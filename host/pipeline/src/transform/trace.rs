//! What a tag's transformations did to an event, for a person to read: which fields, and never their values.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Chain, Passage};
use crate::expression::View;

/// How deep a changed field is named; a change further down is named by what holds it.
const NAMED_DEPTH: usize = 4;

/// The most fields that are named of one change; an event can have thousands.
const NAMED_FIELDS: usize = 32;

/// What one transformation changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Traced {
    /// The change's key in the container: `drop`, `hash`.
    pub change: &'static str,
    /// In the order of the event's keys, each once.
    pub fields: Vec<String>,
}

impl Chain {
    /// What each transformation changes of an event, up to one that filters it; those that change nothing are left out.
    pub fn trace(&self, event: &View<'_>) -> Vec<Traced> {
        let mut traced = Vec::new();
        let mut before = Cow::Borrowed(event.fields());
        for transform in self.iter() {
            let view = event.with_fields(&before);
            let mut event = Passage::of(&view);
            if transform.apply(&mut event).is_err() {
                break;
            }
            let Cow::Owned(after) = event.into_fields() else { continue };
            let mut named = Vec::new();
            name_objects(&mut named, &mut Vec::new(), &before, &after);
            if !named.is_empty() {
                traced.push(Traced { change: transform.name, fields: named });
            }
            before = Cow::Owned(after);
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
