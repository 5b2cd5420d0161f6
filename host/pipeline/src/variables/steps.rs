//! One variable: where its value comes from, and what is made of it.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::VariableError;
use crate::container::variable::{Case, Steps as Spec, To, Variable};
use crate::expression::{Expression, NoValue, View, float_to_json, pattern};

#[derive(Debug)]
pub(super) struct Steps {
    from: From,
    table: Option<BTreeMap<String, Value>>,
    patterns: Option<Vec<(Regex, String)>>,
    case: Option<Case>,
    to: Option<To>,
    default: Option<Value>,
}

#[derive(Debug)]
enum From {
    /// The first that has a value.
    First(Vec<Expression>),
    Random(u32),
}

impl Steps {
    pub(super) fn compile(name: &str, spec: &Variable) -> Result<Self, VariableError> {
        let compile = |source: &String| {
            let failed = |error| VariableError::Expression { name: name.to_owned(), error };
            Expression::compile(source).map_err(failed)
        };
        let spec = match spec {
            Variable::Expression(source) => &Spec { value: Some(source.clone()), ..Spec::default() },
            Variable::Steps(spec) => spec,
        };
        let from = match (&spec.value, &spec.first, spec.random) {
            (Some(source), None, None) => From::First(vec![compile(source)?]),
            (None, Some(sources), None) => From::First(sources.iter().map(compile).collect::<Result<_, _>>()?),
            (None, None, Some(below)) => From::Random(below.get()),
            _ => return Err(VariableError::NoValue(name.to_owned())),
        };
        let compile = |[source, replacement]: &[String; 2]| match pattern(source) {
            Ok(pattern) => Ok((pattern, replacement.clone())),
            Err(message) => Err(VariableError::Pattern { name: name.to_owned(), message }),
        };
        Ok(Steps {
            from,
            table: spec.table.clone(),
            patterns: spec.patterns.as_ref().map(|all| all.iter().map(compile).collect()).transpose()?,
            case: spec.case,
            to: spec.to,
            default: spec.default.clone(),
        })
    }

    /// The variables that it is made of.
    pub(super) fn needs(&self) -> BTreeSet<String> {
        let From::First(expressions) = &self.from else { return BTreeSet::new() };
        let vars = expressions.iter().filter_map(|expression| expression.reads().root("vars"));
        vars.flat_map(|vars| vars.members().map(|(name, _)| name.to_owned())).collect()
    }

    pub(super) fn value(&self, name: &str, view: &View<'_>, message_id: &str) -> Result<Value, NoValue> {
        let value = self.from(name, view, message_id).and_then(|value| self.make(value));
        match (value, &self.default) {
            (Err(_) | Ok(Value::Null), Some(default)) => Ok(default.clone()),
            (value, _) => value,
        }
    }

    fn from(&self, name: &str, view: &View<'_>, message_id: &str) -> Result<Value, NoValue> {
        match &self.from {
            From::Random(below) => Ok(Value::from(random(name, message_id) % u64::from(*below))),
            From::First(only) if only.len() == 1 => only[0].value(view),
            From::First(expressions) => {
                let is_some = |value: &Value| !matches!(value, Value::Null) && value.as_str() != Some("");
                let values = expressions.iter().filter_map(|expression| expression.value(view).ok());
                values.into_iter().find(is_some).ok_or(NoValue::Missing)
            }
        }
    }

    fn make(&self, mut value: Value) -> Result<Value, NoValue> {
        if let Some(table) = &self.table {
            value = table.get(&text(&value)?).cloned().ok_or(NoValue::Missing)?;
        }
        if let Some(patterns) = &self.patterns {
            value = Value::String(replaced(patterns, &text(&value)?).ok_or(NoValue::Missing)?);
        }
        if let (Some(case), Value::String(text)) = (self.case, &value) {
            value = Value::String(match case {
                Case::Lower => text.to_lowercase(),
                Case::Upper => text.to_uppercase(),
            });
        }
        match self.to {
            None => Ok(value),
            Some(To::Text) => text(&value).map(Value::String),
            Some(To::Number) => number(&value),
        }
    }
}

/// The replacement of the first pattern that matches.
fn replaced(patterns: &[(Regex, String)], text: &str) -> Option<String> {
    patterns.iter().find_map(|(pattern, replacement)| {
        let groups = pattern.captures(text)?;
        let mut replaced = String::new();
        groups.expand(replacement, &mut replaced);
        Some(replaced)
    })
}

fn text(value: &Value) -> Result<String, NoValue> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null => Err(NoValue::Missing),
        Value::Array(_) | Value::Object(_) => Err(NoValue::Type),
    }
}

fn number(value: &Value) -> Result<Value, NoValue> {
    match value {
        Value::Number(_) => Ok(value.clone()),
        Value::String(text) => float_to_json(text.trim().parse().map_err(|_| NoValue::Type)?),
        Value::Bool(value) => Ok(Value::from(u8::from(*value))),
        _ => Err(NoValue::Type),
    }
}

/// A number that follows from the event and the variable, and from nothing else.
fn random(name: &str, message_id: &str) -> u64 {
    let digest = Sha256::new().chain_update(name).chain_update([0]).chain_update(message_id).finalize();
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
