//! Changes of single values: texts, numbers and booleans, wherever they lie in a part of an event.

use std::fmt;

use serde_json::Value;

use super::{Change, Passage};
use crate::path::Part;

/// A change of a single value.
pub(super) trait Leaf: fmt::Debug + Send + Sync {
    /// What the value becomes; `None` if it stays.
    fn change(&self, value: &Value) -> Option<Value>;
}

/// A change of all the values in parts of an event.
#[derive(Debug)]
pub(super) struct Leaves<L>(pub(super) Vec<(Part, L)>);

impl<L: Leaf + Clone> Leaves<L> {
    /// The same change of several parts.
    pub(super) fn each(parts: Vec<Part>, leaf: &L) -> Self {
        Leaves(parts.into_iter().map(|part| (part, leaf.clone())).collect())
    }
}

impl<L: Leaf> Change for Leaves<L> {
    fn apply(&self, event: &mut Passage<'_, '_>) {
        for (part, leaf) in &self.0 {
            let mut changed = Vec::new();
            part.each(event.fields(), &mut |item| {
                changed.extend(leaf.change(&item.to_value()).map(|value| (item.id, value)));
            });
            for (id, value) in changed {
                event.to_mut().replace(id, &value);
            }
        }
    }
}

/// The value's text; a number's as JSON writes it.
pub(super) fn text(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}
