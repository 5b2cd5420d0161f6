//! `map_event`: gives events other names.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Change, Compiled, Effect, Passage};
use crate::outline::{Id, Outline};

#[derive(Debug)]
struct MapEvent(BTreeMap<String, String>);

pub(super) fn compile(names: &BTreeMap<String, String>) -> Compiled {
    Ok(Effect::change(MapEvent(names.clone())))
}

impl Change for MapEvent {
    fn apply(&self, event: &mut Passage<'_, '_>) {
        if let Some((place, name)) = self.new_name(event.fields()) {
            event.to_mut().replace(place, &Value::from(name));
        }
    }
}

impl MapEvent {
    /// The name, and where the one that it replaces stands.
    fn new_name(&self, fields: &Outline) -> Option<(Id, &str)> {
        let name = fields.root().member(field(fields))?;
        Some((name.id, self.0.get(&*name.text()?)?))
    }
}

/// Where an event of this type has its name.
fn field(fields: &Outline) -> &'static str {
    match fields.root().member("type").and_then(|kind| kind.text()).as_deref() {
        Some("page" | "screen") => "name",
        _ => "event",
    }
}
