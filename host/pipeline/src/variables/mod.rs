//! Variables: named values, computed from an event and its request when an expression first asks for one, and once per event.

mod graph;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use crate::container::variable as model;
use crate::expression::{ExpressionError, NoValue, View};
use steps::Steps;

pub use graph::{Circle, circle};

/// The most variables of a container. Each event that a tag runs for has room for all their values.
pub const MAX_VARIABLES: usize = 256;

/// The longest chain of variables that are made of each other. Each link takes some of the stack.
pub const MAX_CHAIN: usize = 16;

/// A container's variables, compiled.
#[derive(Debug, Default)]
pub struct Variables {
    /// By name.
    list: Vec<(String, Steps)>,
}

/// The values of one event, filled in as they are asked for.
pub type Values = Box<[OnceLock<Result<Value, NoValue>>]>;

/// Why a variable does not compile. A checked container has none such.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum VariableError {
    #[error("`vars.{name}`: {error}")]
    Expression { name: String, error: ExpressionError },
    #[error("`vars.{name}`: {message}")]
    Pattern { name: String, message: String },
    #[error("`vars.{0}` needs one of `value`, `first` and `random`")]
    NoValue(String),
    #[error("there are more than {MAX_VARIABLES} variables")]
    TooMany,
    #[error(transparent)]
    Circle(#[from] Circle),
}

impl Variables {
    /// Compiles a container's variables.
    ///
    /// # Errors
    /// When an expression or a pattern is none, or variables are made of each other in a circle.
    pub fn compile(specs: &BTreeMap<String, model::Variable>) -> Result<Self, VariableError> {
        if specs.len() > MAX_VARIABLES {
            return Err(VariableError::TooMany);
        }
        let list = specs.iter().map(|(name, spec)| Ok((name.clone(), Steps::compile(name, spec)?)));
        let list = list.collect::<Result<Vec<_>, VariableError>>()?;
        let edges = list.iter().map(|(name, steps)| (name.as_str(), steps.needs())).collect();
        circle(&edges)?;
        Ok(Variables { list })
    }

    /// Room for the values of one event.
    pub fn values(&self) -> Values {
        self.list.iter().map(|_| OnceLock::new()).collect()
    }

    /// The value of one, computed if `values` does not have it yet. `view` is the event with its surroundings, and `message_id` its.
    ///
    /// # Errors
    /// When it has none for this event.
    pub fn value<'v>(
        &self,
        name: &str,
        values: &'v Values,
        view: &View<'_>,
        message_id: &str,
    ) -> Result<&'v Value, NoValue> {
        let at = self.list.binary_search_by(|(known, _)| known.as_str().cmp(name)).map_err(|_| NoValue::Missing)?;
        let value = values.get(at).ok_or(NoValue::Missing)?;
        value.get_or_init(|| self.list[at].1.value(name, view, message_id)).as_ref().map_err(|error| *error)
    }
}
