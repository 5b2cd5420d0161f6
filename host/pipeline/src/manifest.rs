//! The manifest: what a tag says of itself, read without running it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `tag.toml`, as it stands in the component's `tagyard:manifest` section.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub description: String,
    /// The most events that one call may carry.
    #[serde(default = "one")]
    pub max_batch: u32,
    /// The hosts it sends to. Empty for a tag that leaves them to the operator, such as `webhook`.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The event fields it cannot do without.
    #[serde(default)]
    pub fields: Vec<String>,
    /// The event fields it makes use of where they are granted.
    #[serde(default)]
    pub optional_fields: Vec<String>,
    /// The secrets it asks for by name, each with a sentence on what it is.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Those of its secrets without which it does not load.
    #[serde(default)]
    pub required_secrets: Vec<String>,
    /// JSON Schema of its settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl Manifest {
    /// The settings that hold where the operator gives none: the `default`s of the schema's properties.
    pub fn default_settings(&self) -> Map<String, Value> {
        let properties = self.settings.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flatten()
            .filter_map(|(name, property)| Some((name.clone(), property.get("default")?.clone())))
            .collect()
    }
}

fn one() -> u32 {
    1
}
