//! JSON as CEL has it. Numbers are doubles, as in the expressions over events.

use std::sync::Arc;

use cel::Value as CelValue;
use cel::objects::{Key, Map as CelMap};
use serde_json::Value;

pub(super) fn to_cel(value: &Value) -> CelValue {
    match value {
        Value::Null => CelValue::Null,
        Value::Bool(value) => CelValue::Bool(*value),
        Value::Number(number) => CelValue::Float(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => CelValue::String(Arc::new(text.clone())),
        Value::Array(items) => CelValue::List(Arc::new(items.iter().map(to_cel).collect())),
        Value::Object(object) => {
            let map = object.iter().map(|(key, value)| (Key::from(key.as_str()), to_cel(value))).collect();
            CelValue::Map(CelMap { map: Arc::new(map) })
        }
    }
}
