//! `set`: gives fields the values of expressions.

use std::collections::BTreeMap;

use super::error::{Fault, Step, TransformError, TransformErrors, key_path};
use super::{Change, Compiled, Effect, Passage};
use crate::expression::Expression;
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
    /// All expressions see the event as it was before; one without a value leaves its field alone.
    fn apply(&self, event: &mut Passage<'_, '_>) {
        let values: Vec<_> = event.view(|view| {
            self.0.iter().filter_map(|(path, expression)| Some((path, expression.value(view).ok()?))).collect()
        });
        for (path, value) in values {
            path.set(event.to_mut(), &value);
        }
    }
}
