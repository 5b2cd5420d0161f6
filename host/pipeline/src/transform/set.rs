//! `set`: gives fields the values of expressions.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Change, TransformError};
use crate::expression::{Around, Expression, View};
use crate::path::Path;

#[derive(Debug)]
pub(super) struct Set(Vec<(Path, Expression)>);

impl Set {
    pub(super) fn compile(values: &BTreeMap<String, String>) -> Result<Self, TransformError> {
        let parse = |(key, source): (&String, &String)| {
            let path = Path::parse(key).map_err(|error| TransformError::Path { key: key.clone(), error })?;
            let value = Expression::compile(source);
            Ok((path, value.map_err(|error| TransformError::Expression { key: key.clone(), error })?))
        };
        values.iter().map(parse).collect::<Result<_, _>>().map(Set)
    }
}

impl Change for Set {
    /// All expressions see the event as it was before; one without a value leaves its field alone.
    fn apply(&self, fields: &mut Map<String, Value>, around: &dyn Around) {
        let view = View::new(fields).within(around);
        let values: Vec<_> =
            self.0.iter().filter_map(|(path, expression)| Some((path, expression.value(&view).ok()?))).collect();
        for (path, value) in values {
            path.set(fields, value);
        }
    }
}
