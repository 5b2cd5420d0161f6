//! Transformations: ordered changes of an event before a tag sees it.
//!
//! A new one is a file here, a field of [`model::Transform`] and a line in [`Transform::compile`].

mod drop;
mod set;

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value};

use crate::container::model;
use crate::expression::{Around, Expression, ExpressionError, View};
use crate::path::PathError;

/// An event's fields, changed.
pub type Fields<'e> = Cow<'e, Map<String, Value>>;

/// One transformation, compiled.
#[derive(Debug)]
pub struct Transform {
    when: Option<Expression>,
    change: Box<dyn Change>,
}

/// What a transformation does.
trait Change: fmt::Debug + Send + Sync {
    fn apply(&self, fields: &mut Map<String, Value>, around: &dyn Around);
}

/// Why a transformation does not compile.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TransformError {
    #[error("a transformation makes exactly one change, `drop` or `set`")]
    NotOne,
    #[error("`{key}`: {error}")]
    Path { key: String, error: PathError },
    #[error("`{key}`: {error}")]
    Expression { key: String, error: ExpressionError },
}

impl Transform {
    /// Compiles a transformation.
    ///
    /// # Errors
    /// When it holds none or several changes, or a path or an expression that is none.
    pub fn compile(spec: &model::Transform) -> Result<Self, TransformError> {
        let when = spec.when.as_deref().map(Expression::compile).transpose();
        let when = when.map_err(|error| TransformError::Expression { key: "when".to_owned(), error })?;
        let change: Box<dyn Change> = match spec {
            model::Transform { drop: Some(paths), set: None, .. } => Box::new(drop::Drop::compile(paths)?),
            model::Transform { drop: None, set: Some(values), .. } => Box::new(set::Set::compile(values)?),
            _ => return Err(TransformError::NotOne),
        };
        Ok(Transform { when, change })
    }

    fn apply(&self, fields: &mut Fields<'_>, around: &dyn Around) {
        let applies = match &self.when {
            None => true,
            Some(when) => when.test(&View::new(fields).within(around)).unwrap_or(false),
        };
        if applies {
            self.change.apply(fields.to_mut(), around);
        }
    }
}

/// Makes the changes in order. The event is copied only if there is one to make. What stands around it stays as it was for the event
/// that came.
pub fn apply<'e, 't>(
    transforms: impl IntoIterator<Item = &'t Transform>,
    fields: &'e Map<String, Value>,
    around: &dyn Around,
) -> Fields<'e> {
    let mut fields = Cow::Borrowed(fields);
    for transform in transforms {
        transform.apply(&mut fields, around);
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Nothing;
    use serde_json::json;

    fn check(transforms: Value, event: Value, expected: Value) {
        let specs: Vec<model::Transform> = serde_json::from_value(transforms).expect("transforms");
        let compiled: Vec<Transform> = specs.iter().map(|spec| Transform::compile(spec).expect("compiles")).collect();
        let Value::Object(fields) = event else { panic!("an object") };
        assert_eq!(Value::Object(apply(&compiled, &fields, &Nothing).into_owned()), expected);
    }

    #[test]
    fn drops_and_sets_in_order() {
        check(
            json!([{"set": {"properties.value": "event.properties.revenue * 2.0"}}, {"drop": ["properties.revenue"]}]),
            json!({"properties": {"revenue": 21}}),
            json!({"properties": {"value": 42}}),
        );
    }

    #[test]
    fn a_value_that_cannot_be_computed_leaves_the_field_alone() {
        check(json!([{"set": {"a": "event.missing"}}]), json!({"a": 1}), json!({"a": 1}));
    }

    #[test]
    fn the_expressions_of_one_set_see_the_event_before_it() {
        check(json!([{"set": {"a": "event.b", "b": "event.a"}}]), json!({"a": 1, "b": 2}), json!({"a": 2, "b": 1}));
    }

    #[test]
    fn a_condition_decides() {
        check(json!([{"when": "event.a == 1.0", "drop": ["b"]}]), json!({"a": 1, "b": 1}), json!({"a": 1}));
        check(json!([{"when": "event.c == 1.0", "drop": ["b"]}]), json!({"a": 1, "b": 1}), json!({"a": 1, "b": 1}));
    }

    #[test]
    fn exactly_one_change() {
        let both = model::Transform { drop: Some(vec![]), set: Some(Default::default()), when: None };
        assert_eq!(Transform::compile(&both).map(|_| ()), Err(TransformError::NotOne));
        assert_eq!(Transform::compile(&Default::default()).map(|_| ()), Err(TransformError::NotOne));
    }
}
