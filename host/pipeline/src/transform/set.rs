//! `set`: gives fields the values of expressions.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::{Fault, Step, TransformError, TransformErrors, key_path};
use super::{Change, Compiled, Effect};
use crate::expression::{Expression, View};
use crate::path::Path;

#[derive(Debug)]
struct Set(Vec<(Path, Expression)>);

pub(super) fn compile(values: &BTreeMap<String, String>) -> Compiled {
    let paths = TransformErrors::all(values.keys().map(|key| key_path(key)));
    let expressions = TransformErrors::all(values.iter().map(|(key, source)| {
        Expression::compile(source).map_err(|error| TransformError::at([Step::key(key)], Fault::Expression(error)))
    }));
    let (paths, expressions) = TransformErrors::both(paths, expressions)?;
    Ok(Effect::change(Set(paths.into_iter().zip(expressions).collect())))
}

impl Change for Set {
    /// What the values are is only known once they are computed.
    fn concerns(&self, _: &Map<String, Value>) -> bool {
        true
    }

    /// All expressions see the event as it was before; one without a value leaves its field alone.
    fn apply(&self, fields: &mut Map<String, Value>) {
        let view = View::new(fields);
        let values: Vec<_> =
            self.0.iter().filter_map(|(path, expression)| Some((path, expression.value(&view).ok()?))).collect();
        for (path, value) in values {
            path.set(fields, value);
        }
    }
}
