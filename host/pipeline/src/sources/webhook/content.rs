//! A webhook's body: JSON, or a form.

use http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::event::is_too_deep;
use crate::sources::query::Params;
use crate::sources::{Refusal, surrogate};

/// The body as a value. A form is an object of texts; a name that it has more than once is a list.
pub(super) fn read(headers: &HeaderMap, text: &str) -> Result<Value, Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = content_type.split(';').next().unwrap_or_default().trim();
    if name.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(Value::Object(form(&Params::parse(text))));
    }
    let value: Value = surrogate::parse(text, |text| serde_json::from_str(text)).map_err(|error| {
        Refusal::bad_request("invalid_json", format!("the body is not valid JSON, nor said to be a form: {error}"))
    })?;
    if is_too_deep(&value) {
        return Err(Refusal::bad_request("too_deep", "the body is nested deeper than 64 levels"));
    }
    Ok(value)
}

pub(super) fn form(params: &Params<'_>) -> Map<String, Value> {
    let mut form = Map::new();
    for (name, value) in params.iter() {
        match form.get_mut(name) {
            None => drop(form.insert(name.to_owned(), Value::from(value))),
            Some(Value::Array(values)) => values.push(Value::from(value)),
            Some(first) => *first = Value::Array(vec![first.take(), Value::from(value)]),
        }
    }
    form
}
