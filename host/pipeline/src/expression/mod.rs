//! CEL expressions over an event and what is around it: the conditions of triggers and transformations, the values of variables
//! and those that `set` gives.
//!
//! JSON numbers are doubles, as CEL's own mapping of JSON has it; so `event.properties.revenue > 100.0` means the same
//! whether a site sent `120` or `120.5`.

mod check;
mod functions;
mod plain;
mod reads;
mod steps;
#[cfg(test)]
mod tests;
mod values;
mod view;
pub mod words;

use std::collections::BTreeMap;
use std::fmt;

use cel::common::types::CelBool;
use cel::common::value::CowVal;
use cel::{Context, Value as CelValue};
use serde::Serialize;
use serde_json::Value;

use crate::free::unknown_variable;
use plain::Plain;

pub use functions::pattern;
pub(crate) use functions::{network, sha256};
pub use reads::{Reads, Tree};
pub use steps::{EVENT_STEPS, WEBHOOK_STEPS};
pub(crate) use values::{float_to_json, to_json, whole};
pub use view::{Around, Nothing, View};

/// The variables that an expression may name.
pub const VARIABLES: [&str; 5] = ["event", "request", "visitor", "consent", "vars"];

/// A compiled expression.
pub struct Expression {
    source: String,
    code: Code,
}

/// What an expression is compiled to, over whatever variables.
pub(crate) struct Code {
    code: cel::parser::Expression,
    reads: Reads,
    /// Whether any of it is charged for.
    is_charged: bool,
    /// Where it is as simple as that.
    plain: Option<Plain>,
}

/// How often an expression is evaluated for what one sender sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Times {
    Once,
    /// For each of many items: whatever it looks at is charged for.
    Many,
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
    /// What a sender sent would make it too much work.
    #[error("it takes more steps than an expression may")]
    Steps,
    #[error("it cannot be computed")]
    Other,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    /// A syntax error; a variable that is not in [`VARIABLES`]; a function that there is not; a pattern or a network that is none.
    pub fn compile(source: &str) -> Result<Self, ExpressionError> {
        let code = Code::compile(source, &VARIABLES, "an expression", Times::Once)?;
        Ok(Expression { source: source.to_owned(), code })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it reads.
    pub fn reads(&self) -> &Reads {
        &self.code.reads
    }

    /// Whether it is true of the event.
    ///
    /// # Errors
    /// When it has no value, or one that is no boolean.
    pub fn test(&self, view: &View<'_>) -> Result<bool, NoValue> {
        if let Some(answer) = self.code.plain.as_ref().and_then(|plain| plain.test(view)) {
            return answer;
        }
        self.run(view, |value| value.downcast_ref::<CelBool>().map(|answer| *answer.inner()).ok_or(NoValue::Type))
    }

    /// Its value, as JSON.
    ///
    /// # Errors
    /// When it has none, or none that JSON can say.
    pub fn value(&self, view: &View<'_>) -> Result<Value, NoValue> {
        match self.code.plain.as_ref().and_then(|plain| plain.value(view)) {
            Some(value) => value,
            None => self.by_cel(view),
        }
    }

    fn by_cel(&self, view: &View<'_>) -> Result<Value, NoValue> {
        self.run(view, |value| to_json(&CelValue::try_from(value.as_ref()).map_err(|_| NoValue::Type)?))
    }

    /// The values that it reads, each beside its path; `None` for one that is missing.
    pub fn shown(&self, view: &View<'_>) -> BTreeMap<String, Option<Value>> {
        self.code.reads.paths().into_iter().map(|path| (path.join("."), view.at(&path))).collect()
    }

    fn run<T>(&self, view: &View<'_>, then: impl FnOnce(CowVal<'_, '_>) -> Result<T, NoValue>) -> Result<T, NoValue> {
        let mut context = context();
        for (root, read) in self.code.reads.roots() {
            context.add_variable_as_val(root, view.bind(root, read)?);
        }
        self.code.run(&context, &mut Some(EVENT_STEPS)).and_then(then)
    }
}

/// What an expression is evaluated in; its variables are added to it.
pub(crate) fn context<'p, 'v>() -> Context<'p, 'v> {
    Context::with_env(functions::ENV.clone())
}

impl Code {
    /// Compiles an expression over `variables`. `who` sees them, as an error has it.
    pub(crate) fn compile(source: &str, variables: &[&str], who: &str, times: Times) -> Result<Self, ExpressionError> {
        let program = functions::ENV.compile(source).map_err(|errors| syntax_error(source, &errors))?;
        if let Some(name) = unknown_variable(program.expression(), variables) {
            return Err(ExpressionError {
                message: format!("unknown variable `{name}`: {who} sees `{}`", variables.join("`, `")),
                offset: source.find(&name),
            });
        }
        let mut code = program.expression().clone();
        let reads = Reads::of(&code, variables);
        check::paths(&reads)
            .and_then(|()| check::calls(&code))
            .map_err(|(message, at)| ExpressionError { message, offset: source.find(&at) })?;
        check::replace(&mut code);
        let plain = Plain::of(&code);
        let is_charged = steps::charge(&mut code, times == Times::Many);
        Ok(Code { code, reads, is_charged, plain })
    }

    /// Evaluates it in a context that has its variables, and takes the steps off.
    pub(crate) fn run<'c>(
        &'c self,
        context: &'c Context<'_, 'c>,
        left: &mut Option<u64>,
    ) -> Result<CowVal<'c, 'c>, NoValue> {
        let evaluate = || CelValue::resolve_val(&self.code, context);
        if !self.is_charged {
            return evaluate().map_err(|error| values::no_value(&error));
        }
        let (value, after) = steps::within(*left, || evaluate().inspect(|value| steps::made(value.as_ref())));
        *left = after;
        match (value, after) {
            (_, None) => Err(NoValue::Steps),
            (value, Some(_)) => value.map_err(|error| values::no_value(&error)),
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("reads", &self.reads).finish_non_exhaustive()
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
