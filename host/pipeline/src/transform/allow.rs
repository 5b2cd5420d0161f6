//! `allow`: leaves nothing but the fields that it names.

use super::error::{Fault, Step, TransformError, TransformErrors};
use super::{Change, Compiled, Effect, Passage};
use crate::outline::{Id, Item, Kind};
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
        let mut others = Vec::new();
        find_others(event.fields().root(), self.0.cursor(), &mut others);
        for id in others {
            event.to_mut().remove(id);
        }
    }
}

/// What in an object or list is not allowed. Of a scalar at a place of which only something below was named nothing is.
fn find_others(value: Item<'_>, allowed: FieldCursor<'_>, others: &mut Vec<Id>) {
    let mut look = |below: Item<'_>, allowed: Option<FieldCursor<'_>>| match allowed {
        Some(allowed) if allowed.takes_all() => {}
        Some(allowed) if below.is_container() => find_others(below, allowed, others),
        _ => others.push(below.id),
    };
    match value.kind() {
        Kind::Array => value.items().for_each(|item| look(item, Some(allowed))),
        _ => value.members().for_each(|(key, below)| look(below, allowed.step(key))),
    }
}
