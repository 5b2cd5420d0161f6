//! JSON as CEL has it, and back. Numbers are doubles, as in the expressions over events.

use std::sync::Arc;

use cel::objects::{Key, Map as CelMap};
use cel::{ExecutionError, Value as CelValue};
use serde_json::{Number, Value};

use crate::expression::NoValue;

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

pub(super) fn to_json(value: &CelValue) -> Result<Value, NoValue> {
    Ok(match value {
        CelValue::Null => Value::Null,
        CelValue::Bool(value) => Value::Bool(*value),
        CelValue::Int(number) => Value::from(*number),
        CelValue::UInt(number) => Value::from(*number),
        CelValue::Float(number) => whole_or_double(*number)?,
        CelValue::String(text) => Value::String(text.as_str().to_owned()),
        CelValue::List(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        CelValue::Map(map) => Value::Object(
            map.map.iter().map(|(key, value)| Ok((key.to_string(), to_json(value)?))).collect::<Result<_, _>>()?,
        ),
        _ => return Err(NoValue::Type),
    })
}

pub(super) fn no_value(error: &ExecutionError) -> NoValue {
    match error {
        ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => NoValue::Missing,
        ExecutionError::NoSuchOverload(_)
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::UnsupportedTargetType { .. }
        | ExecutionError::UnsupportedBinaryOperator(..)
        | ExecutionError::ValuesNotComparable(..) => NoValue::Type,
        _ => NoValue::Other,
    }
}

/// A whole number is written as one, as the service sent it.
fn whole_or_double(number: f64) -> Result<Value, NoValue> {
    /// Up to here every whole number has a double of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return Ok(Value::from(number as i64));
    }
    Number::from_f64(number).map(Value::Number).ok_or(NoValue::Other)
}
