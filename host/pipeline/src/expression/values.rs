//! JSON as CEL values, and back. Numbers become doubles, as CEL's own mapping of JSON has it.

use std::borrow::Cow;
use std::collections::HashMap;

use cel::common::types::{CelBool, CelDouble, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::Val;
use cel::{ExecutionError, Value as CelValue};
use serde_json::{Map, Number, Value};

use super::NoValue;
use super::reads::Tree;
use crate::outline::{Item, Kind};

/// Of an object what is read of it. Texts are borrowed.
pub(super) fn object<'v>(object: &'v Map<String, Value>, read: &Tree) -> Box<dyn Val + 'v> {
    if read.is_all() {
        return whole_object(object);
    }
    let members = read.members().filter_map(|(name, read)| {
        let (name, value) = object.get_key_value(name)?;
        let value = match value {
            Value::Object(inner) => self::object(inner, read),
            value => whole(value),
        };
        Some((CelMapKey::from(name.as_str()), value))
    });
    map(members.collect())
}

/// The same of an event.
pub(super) fn outlined<'v>(item: Item<'v>, read: &Tree) -> Box<dyn Val + 'v> {
    if read.is_all() || item.kind() != Kind::Object {
        return whole_item(item);
    }
    let members = read.members().filter_map(|(name, read)| {
        let (name, item) = item.entry(name)?;
        Some((CelMapKey::from(name), outlined(item, read)))
    });
    map(members.collect())
}

fn whole_item(item: Item<'_>) -> Box<dyn Val + '_> {
    match item.kind() {
        Kind::Null => Box::new(CelNull),
        Kind::True | Kind::False => Box::new(CelBool::from(item.kind() == Kind::True)),
        Kind::Number => Box::new(CelDouble::from(item.number().unwrap_or(f64::NAN))),
        Kind::Text => match item.text().unwrap_or_default() {
            Cow::Borrowed(text) => Box::new(CelString::from(text)),
            Cow::Owned(text) => Box::new(CelString::from(text)),
        },
        Kind::Array => Box::new(CelList::from(item.items().map(whole_item).collect::<Vec<_>>())),
        Kind::Object => map(item.members().map(|(key, item)| (CelMapKey::from(key), whole_item(item))).collect()),
    }
}

/// A whole value.
pub(crate) fn whole(value: &Value) -> Box<dyn Val + '_> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(whole).collect::<Vec<_>>())),
        Value::Object(object) => whole_object(object),
    }
}

pub(super) fn map<'v>(members: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>>) -> Box<dyn Val + 'v> {
    Box::new(CelMap::from(members))
}

fn whole_object(object: &Map<String, Value>) -> Box<dyn Val + '_> {
    map(object.iter().map(|(key, value)| (CelMapKey::from(key.as_str()), whole(value))).collect())
}

/// As JSON.
pub(crate) fn to_json(value: &CelValue) -> Result<Value, NoValue> {
    Ok(match value {
        CelValue::Null => Value::Null,
        CelValue::Bool(value) => Value::Bool(*value),
        CelValue::Int(number) => Value::from(*number),
        CelValue::UInt(number) => Value::from(*number),
        CelValue::Float(number) => float_to_json(*number)?,
        CelValue::String(text) => Value::String(text.as_str().to_owned()),
        CelValue::List(items) => Value::Array(items.iter().map(to_json).collect::<Result<_, _>>()?),
        CelValue::Map(map) => Value::Object(
            map.map.iter().map(|(key, value)| Ok((key.to_string(), to_json(value)?))).collect::<Result<_, _>>()?,
        ),
        _ => return Err(NoValue::Type),
    })
}

/// A whole number is written as one: `2.0 * 21.0` gives `42`, as a site would have sent it.
pub(crate) fn float_to_json(number: f64) -> Result<Value, NoValue> {
    /// Up to here every whole number has a double of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return Ok(Value::from(number as i64));
    }
    Number::from_f64(number).map(Value::Number).ok_or(NoValue::Other)
}

/// Why an expression ended without a value; what the error says of values stays out.
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
