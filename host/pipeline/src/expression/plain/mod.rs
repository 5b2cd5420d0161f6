//! Expressions over plain values: fields, constants, comparisons of them, and what conditions mostly ask of texts, numbers and lists.
//! They are answered without making CEL values of anything, in a tenth of the time. Whatever turns out not to be as plain as that once
//! it is looked at, CEL answers, so that both always say the same; a test compares them.

mod compile;
mod field;
mod made;

use std::borrow::Cow;
use std::cmp::Ordering;

use ipnet::IpNet;
use regex::Regex;
use serde_json::Value;

use super::functions;
use super::values::float_to_json;
use super::{NoValue, View};
use crate::outline::Item;
use field::Field;

/// A plain expression.
#[derive(Debug)]
pub(super) enum Plain {
    Constant(Constant),
    Field(Field),
    /// Whether an object has a member.
    Has(Field),
    Compare(Comparison, Box<[Plain; 2]>),
    Calculate(Calculation, Box<[Plain; 2]>),
    Not(Box<Plain>),
    /// Both of two, or either.
    Logic(Logic, Box<[Plain; 2]>),
    /// The second where the first is true, and else the third.
    Choice(Box<[Plain; 3]>),
    Change(Change, Box<Plain>),
    Search(Search, Box<[Plain; 2]>),
    /// Whether a text is one of these.
    Among(Box<Plain>, Vec<String>),
    Within(Box<Plain>, Vec<IpNet>),
    Matches(Box<Plain>, Regex),
    Url(Box<Plain>, UrlPart),
    /// Whether any item of the event's list is as the condition says, or whether all are.
    Items(Logic, Field, Box<Plain>),
}

#[derive(Debug)]
pub(super) enum Constant {
    Text(String),
    /// Whether it is CEL's integer, which is not calculated with as a double is.
    Number(f64, bool),
    Boolean(bool),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Comparison {
    Equals(bool),
    /// True for an order among these.
    Order([Ordering; 2]),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Calculation {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// What decides of two booleans: one that is false, or one that is true.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Logic {
    And,
    Or,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Lower,
    Upper,
    Trim,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Search {
    Contains,
    StartsWith,
    EndsWith,
}

#[derive(Debug)]
pub(super) enum UrlPart {
    Part(String),
    Query(String),
}

/// A value that is no list, object or null.
enum Scalar<'v> {
    Text(Cow<'v, str>),
    Number(f64),
    Boolean(bool),
}

/// What there is to know; `None` where only CEL can tell.
type Answer<'v> = Option<Result<Scalar<'v>, NoValue>>;

/// What a plain expression sees.
#[derive(Clone, Copy)]
struct Sight<'s, 'e> {
    view: &'s View<'e>,
    /// The item of the list that is gone through.
    item: Option<Item<'e>>,
}

impl Plain {
    /// Its value; `None` where only CEL can tell.
    pub(super) fn value(&self, view: &View<'_>) -> Option<Result<Value, NoValue>> {
        Some(self.answer(Sight { view, item: None })?.and_then(|scalar| match scalar {
            Scalar::Text(text) => Ok(Value::String(text.into_owned())),
            Scalar::Number(number) => float_to_json(number),
            Scalar::Boolean(value) => Ok(Value::Bool(value)),
        }))
    }

    /// Whether it is true.
    pub(super) fn test(&self, view: &View<'_>) -> Option<Result<bool, NoValue>> {
        Some(self.answer(Sight { view, item: None })?.and_then(|scalar| match scalar {
            Scalar::Boolean(value) => Ok(value),
            Scalar::Text(_) | Scalar::Number(_) => Err(NoValue::Type),
        }))
    }

    fn answer<'e>(&'e self, sight: Sight<'_, 'e>) -> Answer<'e> {
        match self {
            Plain::Constant(constant) => Some(Ok(constant.scalar())),
            Plain::Field(field) => field.scalar(sight),
            Plain::Has(field) => field.is_there(sight).map(|is| Ok(Scalar::Boolean(is))),
            Plain::Compare(comparison, sides) => with_two(sides, sight, |one, other| comparison.holds(one, other)),
            Plain::Calculate(calculation, sides) => with_two(sides, sight, |one, other| calculation.make(one, other)),
            Plain::Not(inner) => with_one(inner, sight, |scalar| match scalar {
                Scalar::Boolean(value) => Some(Scalar::Boolean(!value)),
                _ => None,
            }),
            Plain::Logic(logic, sides) => {
                let [one, other] = &**sides;
                logic.of(one.boolean(sight)?, other.boolean(sight)?)
            }
            Plain::Choice(parts) => {
                let [condition, one, other] = &**parts;
                let (chosen, left) = match condition.boolean(sight)? {
                    Ok(true) => (one, other),
                    Ok(false) => (other, one),
                    Err(_) => return None,
                };
                // CEL has the variables of both before it begins.
                match left.answer(sight)? {
                    Err(NoValue::Steps) => Some(Err(NoValue::Steps)),
                    _ => chosen.answer(sight),
                }
            }
            Plain::Change(change, inner) => with_text(inner, sight, |text| {
                Some(Scalar::Text(match change {
                    Change::Lower => text.to_lowercase().into(),
                    Change::Upper => text.to_uppercase().into(),
                    Change::Trim => text.trim().to_owned().into(),
                }))
            }),
            Plain::Search(search, sides) => with_two(sides, sight, |one, other| match (one, other) {
                (Scalar::Text(text), Scalar::Text(part)) => Some(Scalar::Boolean(match search {
                    Search::Contains => text.contains(&**part),
                    Search::StartsWith => text.starts_with(&**part),
                    Search::EndsWith => text.ends_with(&**part),
                })),
                _ => None,
            }),
            Plain::Among(inner, texts) => {
                with_text(inner, sight, |text| Some(Scalar::Boolean(texts.iter().any(|one| one == text))))
            }
            Plain::Within(inner, networks) => {
                with_text(inner, sight, |text| functions::is_within(text, networks).map(Scalar::Boolean))
            }
            Plain::Matches(inner, pattern) => {
                with_text(inner, sight, |text| Some(Scalar::Boolean(pattern.is_match(text))))
            }
            Plain::Url(inner, part) => with_text(inner, sight, |text| part.of(text)),
            Plain::Items(logic, list, condition) => logic.of_items(list.item(sight)?, condition, sight.view),
        }
    }

    fn boolean(&self, sight: Sight<'_, '_>) -> Option<Result<bool, NoValue>> {
        match self.answer(sight)? {
            Ok(Scalar::Boolean(value)) => Some(Ok(value)),
            Ok(_) => None,
            Err(reason) => Some(Err(reason)),
        }
    }
}

fn with_one<'e>(
    inner: &'e Plain,
    sight: Sight<'_, 'e>,
    make: impl FnOnce(&Scalar<'e>) -> Option<Scalar<'e>>,
) -> Answer<'e> {
    match inner.answer(sight)? {
        Ok(scalar) => make(&scalar).map(Ok),
        Err(reason) => Some(Err(reason)),
    }
}

fn with_text<'e>(inner: &'e Plain, sight: Sight<'_, 'e>, make: impl FnOnce(&str) -> Option<Scalar<'e>>) -> Answer<'e> {
    with_one(inner, sight, |scalar| match scalar {
        Scalar::Text(text) => make(text),
        Scalar::Number(_) | Scalar::Boolean(_) => None,
    })
}

/// Too many steps anywhere are too many; else the first that is missing counts.
fn with_two<'e>(
    sides: &'e [Plain; 2],
    sight: Sight<'_, 'e>,
    make: impl FnOnce(&Scalar<'e>, &Scalar<'e>) -> Option<Scalar<'e>>,
) -> Answer<'e> {
    match (sides[0].answer(sight)?, sides[1].answer(sight)?) {
        (Ok(one), Ok(other)) => make(&one, &other).map(Ok),
        (_, Err(NoValue::Steps)) => Some(Err(NoValue::Steps)),
        (Err(reason), _) | (_, Err(reason)) => Some(Err(reason)),
    }
}
