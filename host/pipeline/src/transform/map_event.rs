//! `map_event`: gives events other names.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Change, Compiled, Effect};

#[derive(Debug)]
struct MapEvent(BTreeMap<String, String>);

pub(super) fn compile(names: &BTreeMap<String, String>) -> Compiled {
    Ok(Effect::change(MapEvent(names.clone())))
}

impl Change for MapEvent {
    fn concerns(&self, fields: &Map<String, Value>) -> bool {
        self.new_name(fields).is_some()
    }

    fn apply(&self, fields: &mut Map<String, Value>) {
        if let Some(name) = self.new_name(fields) {
            fields.insert(field(fields).to_owned(), Value::String(name.to_owned()));
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
