//! Expressions that are nothing but a field, or a field beside a constant: most conditions. They are answered without making CEL values of
//! anything. Whatever is not as simple as that once it is looked at, CEL answers, so that both always say the same; a test compares them.

use std::borrow::Cow;
use std::cmp::Ordering;

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use serde_json::{Map, Value};

use super::reads::literal;
use super::values::float_to_json;
use super::{NoValue, View};
use crate::outline::{Item, Kind};

/// A field, and what it is compared with.
#[derive(Debug)]
pub(super) struct Plain {
    /// `event`, `properties`, `total`.
    path: Vec<String>,
    compared: Option<(Comparison, Constant)>,
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Equals(bool),
    /// True for an order among these.
    Order([Ordering; 2]),
}

#[derive(Debug)]
enum Constant {
    Text(String),
    Number(f64),
    Boolean(bool),
}

/// A value that is no list, object or null.
enum Scalar<'v> {
    Text(Cow<'v, str>),
    Number(f64),
    Boolean(bool),
}

impl Plain {
    /// Of an expression that is one.
    pub(super) fn of(expression: &IdedExpr) -> Option<Self> {
        if let Some(path) = path(expression) {
            return Some(Plain { path, compared: None });
        }
        let Expr::Call(call) = &expression.expr else { return None };
        let comparison = match call.func_name.as_str() {
            operators::EQUALS => Comparison::Equals(true),
            operators::NOT_EQUALS => Comparison::Equals(false),
            operators::LESS => Comparison::Order([Ordering::Less; 2]),
            operators::LESS_EQUALS => Comparison::Order([Ordering::Less, Ordering::Equal]),
            operators::GREATER => Comparison::Order([Ordering::Greater; 2]),
            operators::GREATER_EQUALS => Comparison::Order([Ordering::Greater, Ordering::Equal]),
            _ => return None,
        };
        match call.args.as_slice() {
            [left, right] if call.target.is_none() => {
                Some(Plain { path: path(left)?, compared: Some((comparison, constant(right)?)) })
            }
            _ => None,
        }
    }

    /// Its value; `None` where only CEL can tell.
    pub(super) fn value(&self, view: &View<'_>) -> Option<Result<Value, NoValue>> {
        let found = match self.find(view)? {
            Ok(found) => found,
            Err(reason) => return Some(Err(reason)),
        };
        match &self.compared {
            None => Some(match found {
                Scalar::Text(text) => Ok(Value::String(text.into_owned())),
                Scalar::Number(number) => float_to_json(number),
                Scalar::Boolean(value) => Ok(Value::Bool(value)),
            }),
            Some((comparison, constant)) => comparison.holds(&found, constant).map(|answer| Ok(Value::Bool(answer))),
        }
    }

    fn find<'e>(&self, view: &View<'e>) -> Option<Result<Scalar<'e>, NoValue>> {
        let (root, members) = self.path.split_first()?;
        let (first, rest) = members.split_first()?;
        let value = match root.as_str() {
            "event" => return found(view.fields().root(), members),
            "request" => view.around().request().get(first),
            "vars" => match view.around().variable(first) {
                Ok(value) => Some(value),
                Err(NoValue::Steps) => return Some(Err(NoValue::Steps)),
                Err(_) => None,
            },
            "visitor" => view.around().visitor(first),
            "consent" if rest.is_empty() => return Some(Ok(Scalar::Boolean(view.around().is_given(first)))),
            _ => return None,
        };
        let Some(mut value) = value else { return Some(Err(NoValue::Missing)) };
        for member in rest {
            let object: &Map<String, Value> = value.as_object()?;
            match object.get(member) {
                Some(below) => value = below,
                None => return Some(Err(NoValue::Missing)),
            }
        }
        match value {
            Value::String(text) => Some(Ok(Scalar::Text(text.into()))),
            Value::Number(number) => number.as_f64().map(|number| Ok(Scalar::Number(number))),
            Value::Bool(value) => Some(Ok(Scalar::Boolean(*value))),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// The value of a field of the event.
fn found<'e>(event: Item<'e>, path: &[String]) -> Option<Result<Scalar<'e>, NoValue>> {
    let mut value = event;
    for member in path {
        if value.kind() != Kind::Object {
            return None;
        }
        match value.member(member) {
            Some(below) => value = below,
            None => return Some(Err(NoValue::Missing)),
        }
    }
    match value.kind() {
        Kind::Text => value.text().map(|text| Ok(Scalar::Text(text))),
        Kind::Number => value.number().map(|number| Ok(Scalar::Number(number))),
        Kind::True | Kind::False => Some(Ok(Scalar::Boolean(value.kind() == Kind::True))),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

impl Comparison {
    /// Of values of one type only: what CEL says of others is CEL's business.
    fn holds(self, found: &Scalar<'_>, constant: &Constant) -> Option<bool> {
        match (self, found, constant) {
            (Comparison::Equals(yes), Scalar::Text(text), Constant::Text(other)) => Some((text == other) == yes),
            (Comparison::Equals(yes), Scalar::Boolean(value), Constant::Boolean(other)) => {
                Some((value == other) == yes)
            }
            (Comparison::Equals(yes), Scalar::Number(number), Constant::Number(other)) => {
                Some((number.partial_cmp(other)? == Ordering::Equal) == yes)
            }
            (Comparison::Order(orders), Scalar::Number(number), Constant::Number(other)) => {
                Some(orders.contains(&number.partial_cmp(other)?))
            }
            _ => None,
        }
    }
}

/// A path that is neither optional nor asked whether it is there.
fn path(expression: &IdedExpr) -> Option<Vec<String>> {
    let (operand, member) = match &expression.expr {
        Expr::Ident(name) => return Some(vec![name.clone()]),
        Expr::Select(select) if !select.test => (&*select.operand, select.field.as_str()),
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [operand, key] => (operand, literal(key)?),
            _ => return None,
        },
        _ => return None,
    };
    let mut path = path(operand)?;
    path.push(member.to_owned());
    Some(path)
}

fn constant(expression: &IdedExpr) -> Option<Constant> {
    /// Up to here every whole number has a double of its own.
    const EXACT: i64 = 1 << 53;
    let Expr::Literal(value) = &expression.expr else { return None };
    Some(match value {
        LiteralValue::String(text) => Constant::Text(text.inner().to_owned()),
        LiteralValue::Boolean(value) => Constant::Boolean(*value.inner()),
        LiteralValue::Double(number) => Constant::Number(*number.inner()),
        LiteralValue::Int(number) if (-EXACT..=EXACT).contains(number.inner()) => {
            Constant::Number(*number.inner() as f64)
        }
        _ => return None,
    })
}
