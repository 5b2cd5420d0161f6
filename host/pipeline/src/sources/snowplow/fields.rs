//! One event's parameters, as they stand in a query or in a JSON object.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::sources::page::{number, put};
use crate::sources::query::Params;

/// The parameters by their short names; all of them are text. Their number is bounded by the event's length.
#[derive(Debug, Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    pub(super) fn of(params: &Params<'_>) -> Self {
        Fields(params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The parameter, if it is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The parameter as a number, where it is one.
    pub(super) fn number(&self, name: &str) -> Option<Value> {
        self.get(name).map(number)
    }

    /// An object of these parameters under new names.
    pub(super) fn renamed(&self, texts: &[(&str, &str)], numbers: &[(&str, &str)]) -> serde_json::Map<String, Value> {
        let mut object = serde_json::Map::new();
        for (from, to) in texts {
            put(&mut object, to, self.get(from));
        }
        for (from, to) in numbers {
            put(&mut object, to, self.number(from));
        }
        object
    }

    /// As it came, for a dead letter.
    pub(super) fn to_value(&self) -> Value {
        self.0.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = |value| match value {
            Value::String(text) => Some(text),
            // Some trackers leave a number or a flag as it is.
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        let fields = BTreeMap::<String, Value>::deserialize(deserializer)?;
        Ok(Fields(fields.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()))
    }
}
