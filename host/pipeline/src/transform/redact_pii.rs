//! `redact_pii`: takes e-mail addresses, phone and card numbers out of texts.

use serde_json::Value;

use super::error::parts;
use super::leaf::{Leaf, Leaves, text};
use super::{Compiled, Effect, pii};

#[derive(Clone, Debug)]
struct RedactPii;

pub(super) fn compile(fields: &[String]) -> Compiled {
    Ok(Effect::change(Leaves::each(parts(fields)?, &RedactPii)))
}

impl Leaf for RedactPii {
    fn change(&self, value: &Value) -> Option<Value> {
        pii::redacted(&text(value)?).map(Value::String)
    }
}
