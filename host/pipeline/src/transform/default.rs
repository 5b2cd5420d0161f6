//! `default`: gives fields a value where they have none.

use serde_json::{Map, Value};

use super::error::{Fault, Step, TransformError, TransformErrors, key_path};
use super::{Change, Compiled, Effect, Passage};
use crate::path::Path;

#[derive(Debug)]
struct Default(Vec<(Path, Value)>);

pub(super) fn compile(values: &Map<String, Value>) -> Compiled {
    TransformErrors::all(values.iter().map(|(key, value)| match value {
        // More likely a dotted key without its quotes than a default for a whole object.
        Value::Object(_) => Err(TransformError::at([Step::key(key)], Fault::DefaultTable)),
        value => Ok((key_path(key)?, value.clone())),
    }))
    .map(|values| Effect::change(Default(values)))
}

impl Change for Default {
    fn apply(&self, event: &mut Passage<'_, '_>) {
        for (path, value) in &self.0 {
            if path.is_to_fill(event.fields()) {
                path.fill(event.to_mut(), value);
            }
        }
    }
}
