//! Self-describing JSON: `{"schema": "iglu:VENDOR/NAME/FORMAT/VERSION", "data": …}`, in plain text or base64.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fields::Fields;
use crate::sources::base64;

#[derive(Debug, Deserialize)]
pub(super) struct SelfDescribing {
    pub(super) schema: String,
    #[serde(default)]
    pub(super) data: Value,
}

/// Why a parameter holds none.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not self-describing JSON")]
pub(super) struct Malformed(&'static str);

impl SelfDescribing {
    /// What the first of the two parameters has as text, or else the second in base64.
    pub(super) fn of(fields: &Fields, plain: &'static str, encoded: &'static str) -> Result<Option<Self>, Malformed> {
        let (bytes, name) = match (fields.get(plain), fields.get(encoded)) {
            (Some(text), _) => (text.as_bytes().to_vec(), plain),
            (None, Some(text)) => (base64::decode(text).ok_or(Malformed(encoded))?, encoded),
            (None, None) => return Ok(None),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|_| Malformed(name))
    }

    /// What is wrapped in it.
    pub(super) fn inner(self, name: &'static str) -> Result<Self, Malformed> {
        serde_json::from_value(self.data).map_err(|_| Malformed(name))
    }

    /// The schema's name: `order_completed` of `iglu:com.shop/order_completed/jsonschema/1-0-0`.
    pub(super) fn name(&self) -> &str {
        self.schema.split('/').nth(1).unwrap_or(&self.schema)
    }
}

/// The contexts, by the names of their schemas, each a list: an event may have several of one name.
pub(super) fn contexts(fields: &Fields) -> Result<Map<String, Value>, Malformed> {
    const NAMES: (&str, &str) = ("co", "cx");
    let Some(outer) = SelfDescribing::of(fields, NAMES.0, NAMES.1)? else { return Ok(Map::new()) };
    let list: Vec<SelfDescribing> = serde_json::from_value(outer.data).map_err(|_| Malformed("co"))?;
    let mut contexts = Map::new();
    for context in list {
        let entry = contexts.entry(context.name()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(entry) = entry {
            entry.push(context.data);
        }
    }
    Ok(contexts)
}
