//! `map_event`: gives events other names.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Change, Compiled, Effect, Passage};

#[derive(Debug)]
struct MapEvent(BTreeMap<String, String>);

pub(super) fn compile(names: &BTreeMap<String, String>) -> Compiled {
    Ok(Effect::change(MapEvent(names.clone())))
}

impl Change for MapEvent {
    fn apply(&self, event: &mut Passage<'_, '_>) {
        if let Some(name) = self.new_name(event.fields()) {
            let field = field(event.fields()).to_owned();
            event.to_mut().insert(field, Value::String(name.to_owned()));
        }
    }
}

impl MapEvent {
    fn new_name(&self, fields: &Map<String, Value>) -> Option<&str> {
        let name = fields.get(field(fields))?.as_str()?;
        self.0.get(name).map(String::as_str)
    }
}

/// Where an event of this type has its name.
fn field(fields: &Map<String, Value>) -> &'static str {
    match fields.get("type").and_then(Value::as_str) {
        Some("page" | "screen") => "name",
        _ => "event",
    }
}
