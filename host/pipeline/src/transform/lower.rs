//! `lower`: texts in lower case.

use serde_json::Value;

use super::error::parts;
use super::leaf::{Leaf, Leaves};
use super::{Compiled, Effect};

#[derive(Clone, Debug)]
struct Lower;

pub(super) fn compile(fields: &[String]) -> Compiled {
    Ok(Effect::change(Leaves::each(parts(fields)?, &Lower)))
}

impl Leaf for Lower {
    fn change(&self, value: &Value) -> Option<Value> {
        let text = value.as_str()?;
        let lower = text.to_lowercase();
        (lower != text).then_some(Value::String(lower))
    }
}
