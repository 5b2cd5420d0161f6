//! `coerce`: gives values another type, where they can have it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::{Fault, Step, TransformError, TransformErrors};
use super::leaf::{Leaf, Leaves};
use super::{Compiled, Effect};
use crate::container::model::Type;
use crate::expression::float_to_json;
use crate::path::Part;

pub(super) fn compile(types: &BTreeMap<String, Type>) -> Compiled {
    TransformErrors::all(types.iter().map(|(key, to)| {
        let part =
            Part::parse(key).map_err(|error| TransformError::at([Step::Name(key.clone())], Fault::Path(error)))?;
        Ok((part, *to))
    }))
    .map(|types| Effect::change(Leaves(types)))
}

impl Leaf for Type {
    fn change(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Type::String, Value::Number(number)) => Some(Value::String(number.to_string())),
            (Type::String, Value::Bool(value)) => Some(Value::String(value.to_string())),
            (Type::Number, Value::String(text)) => number(text.trim()),
            (Type::Number, Value::Bool(value)) => Some(Value::from(u8::from(*value))),
            (Type::Boolean, Value::String(text)) => boolean(text.trim()).map(Value::Bool),
            (Type::Boolean, Value::Number(number)) => boolean(&number.to_string()).map(Value::Bool),
            _ => None,
        }
    }
}

/// As exact as it was written, where a number can be: ids are longer than what a double holds.
fn number(text: &str) -> Option<Value> {
    let whole = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from));
    whole.ok().or_else(|| float_to_json(text.parse().ok()?).ok())
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}
