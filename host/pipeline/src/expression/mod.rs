//! CEL expressions over an event and what is around it: the conditions of triggers and transformations, the values of variables
//! and those that `set` gives.
//!
//! JSON numbers are doubles, as CEL's own mapping of JSON has it; so `event.properties.revenue > 100.0` means the same
//! whether a site sent `120` or `120.5`.

mod check;
mod functions;
mod reads;
#[cfg(test)]
mod tests;
mod values;
mod view;

use std::collections::BTreeMap;
use std::fmt;

use cel::common::types::CelBool;
use cel::common::value::CowVal;
use cel::{Context, Value as CelValue};
use serde::Serialize;
use serde_json::Value;

use crate::free::unknown_variable;

pub use functions::pattern;
pub(crate) use functions::{network, sha256};
pub use reads::{Reads, Tree};
pub(crate) use values::{float_to_json, no_value, to_json};
pub use view::{Around, Nothing, View};

/// The variables that an expression may name.
pub const VARIABLES: [&str; 5] = ["event", "request", "visitor", "consent", "vars"];

/// A compiled expression.
pub struct Expression {
    source: String,
    code: cel::parser::Expression,
    reads: Reads,
}

/// Why a text is no expression.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    pub message: String,
    /// Where in the text, in bytes, if it can be told.
    pub offset: Option<usize>,
}

/// Why an expression has no value for an event. It names no value of the event.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "lowercase")]
pub enum NoValue {
    #[error("a field is missing")]
    Missing,
    #[error("a value has another type than the expression needs")]
    Type,
    #[error("it cannot be computed")]
    Other,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// A syntax error; a variable that is not in [`VARIABLES`]; a function that there is not; a pattern or a network that is none.
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        let program = functions::ENV.compile(source).map_err(|errors| syntax_error(source, &errors))?;
        if let Some(name) = unknown_variable(program.expression(), &VARIABLES) {
            return Err(ExpressionError {
                message: format!("unknown variable `{name}`: an expression sees `{}`", VARIABLES.join("`, `")),
                offset: source.find(&name),
            });
        }
        let mut code = program.expression().clone();
        let reads = Reads::of(&code, &VARIABLES);
        check::paths(&reads)
            .and_then(|()| check::calls(&code))
            .map_err(|(message, at)| ExpressionError { message, offset: source.find(&at) })?;
        check::replace(&mut code);
        Ok(Expression { source: source.to_owned(), code, reads })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it reads.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Whether it is true of the event.
    ///
    /// # Errors
    /// When it has no value, or one that is no boolean.
    pub fn test(&self, view: &View<'_>) -> Result<bool, NoValue> {
        self.run(view, |value| value.downcast_ref::<CelBool>().map(|answer| *answer.inner()).ok_or(NoValue::Type))
    }

    /// Its value, as JSON.
    ///
    /// # Errors
    /// When it has none, or none that JSON can say.
    pub fn value(&self, view: &View<'_>) -> Result<Value, NoValue> {
        self.run(view, |value| to_json(&CelValue::try_from(value.as_ref()).map_err(|_| NoValue::Type)?))
    }

    /// The values that it reads, each beside its path; `None` for one that is missing.
    pub fn shown(&self, view: &View<'_>) -> BTreeMap<String, Option<Value>> {
        self.reads.paths().into_iter().map(|path| (path.join("."), view.at(&path))).collect()
    }

    fn run<T>(&self, view: &View<'_>, then: impl FnOnce(CowVal<'_, '_>) -> Result<T, NoValue>) -> Result<T, NoValue> {
        let mut context = Context::with_env(functions::ENV.clone());
        for (root, read) in self.reads.roots() {
            context.add_variable_as_val(root, view.bind(root, read));
        }
        let value = CelValue::resolve_val(&self.code, &context).map_err(|error| no_value(&error))?;
        then(value)
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

fn syntax_error(source: &str, errors: &cel::parser::ParseErrors) -> ExpressionError {
    let Some(first) = errors.errors.first() else {
        return ExpressionError { message: "this is no CEL expression".to_owned(), offset: None };
    };
    let (line, column) = first.pos;
    let before: usize =
        source.split_inclusive('\n').take(usize::try_from(line - 1).unwrap_or_default()).map(str::len).sum();
    let within = usize::try_from(column - 1).unwrap_or_default();
    let offset = source[before.min(source.len())..].char_indices().nth(within).map(|(at, _)| before + at);
    ExpressionError { message: first.msg.clone(), offset: offset.or(Some(source.len())) }
}
