//! `allow`: leaves nothing but the fields that it names.

use serde_json::{Map, Value};

use super::error::{Fault, Step, TransformError, TransformErrors};
use super::{Change, Compiled, Effect, Passage};
use crate::path::{FieldCursor, Fields};

#[derive(Debug)]
struct Allow(Fields);

pub(super) fn compile(patterns: &[String]) -> Compiled {
    let mut fields = Fields::default();
    TransformErrors::all(patterns.iter().enumerate().map(|(index, pattern)| {
        fields.add(pattern).map_err(|error| TransformError::at([Step::Index(index)], Fault::Path(error)))
    }))?;
    Ok(Effect::change(Allow(fields)))
}

impl Change for Allow {
    fn apply(&self, event: &mut Passage<'_, '_>) {
        if !holds_only(event.fields(), self.0.cursor()) {
            retain(event.to_mut(), self.0.cursor());
        }
    }
}

fn holds_only(object: &Map<String, Value>, allowed: FieldCursor<'_>) -> bool {
    object.iter().all(|(key, value)| allowed.step(key).is_some_and(|allowed| is_allowed(value, allowed)))
}

fn is_allowed(value: &Value, allowed: FieldCursor<'_>) -> bool {
    match value {
        _ if allowed.takes_all() => true,
        Value::Object(object) => holds_only(object, allowed),
        Value::Array(items) => items.iter().all(|item| is_allowed(item, allowed)),
        _ => false,
    }
}

fn retain(object: &mut Map<String, Value>, allowed: FieldCursor<'_>) {
    object.retain(|key, value| allowed.step(key).is_some_and(|allowed| keep(value, allowed)));
}

/// Whether anything of a value may stay; what may not is taken out of it.
fn keep(value: &mut Value, allowed: FieldCursor<'_>) -> bool {
    match value {
        _ if allowed.takes_all() => {}
        Value::Object(object) => retain(object, allowed),
        Value::Array(items) => items.retain_mut(|item| keep(item, allowed)),
        // Only something below it was named, and it has nothing below.
        _ => return false,
    }
    true
}
