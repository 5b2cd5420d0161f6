//! What plain expressions make of plain values. `None` is for CEL to answer: of values of several types what it says is its business.

use std::cmp::Ordering;

use url::Url;

use super::{Answer, Calculation, Comparison, Constant, Logic, Plain, Scalar, Sight, UrlPart};
use crate::expression::{NoValue, View, functions};
use crate::outline::{Item, Kind};

/// The most items of a list that are gone through here. CEL goes through longer ones, and counts its steps.
const MAX_ITEMS: usize = 64;

impl Constant {
    pub(super) fn scalar(&self) -> Scalar<'_> {
        match self {
            Constant::Text(text) => Scalar::Text(text.as_str().into()),
            Constant::Number(number, _) => Scalar::Number(*number),
            Constant::Boolean(value) => Scalar::Boolean(*value),
        }
    }
}

impl Comparison {
    pub(super) fn holds<'v>(self, one: &Scalar<'_>, other: &Scalar<'_>) -> Option<Scalar<'v>> {
        let order = match (one, other) {
            (Scalar::Text(one), Scalar::Text(other)) => one.cmp(other),
            (Scalar::Number(one), Scalar::Number(other)) => one.partial_cmp(other)?,
            (Scalar::Boolean(one), Scalar::Boolean(other)) if matches!(self, Comparison::Equals(_)) => one.cmp(other),
            _ => return None,
        };
        Some(Scalar::Boolean(match self {
            Comparison::Equals(yes) => (order == Ordering::Equal) == yes,
            Comparison::Order(orders) => orders.contains(&order),
        }))
    }
}

impl Calculation {
    pub(super) fn make<'v>(self, one: &Scalar<'_>, other: &Scalar<'_>) -> Option<Scalar<'v>> {
        match (self, one, other) {
            (Calculation::Add, Scalar::Text(one), Scalar::Text(other)) => {
                Some(Scalar::Text(format!("{one}{other}").into()))
            }
            (calculation, Scalar::Number(one), Scalar::Number(other)) => Some(Scalar::Number(match calculation {
                Calculation::Add => one + other,
                Calculation::Subtract => one - other,
                Calculation::Multiply => one * other,
                Calculation::Divide => one / other,
            })),
            _ => None,
        }
    }
}

impl Logic {
    /// The one that decides does so whatever the other is.
    pub(super) fn of<'v>(self, one: Result<bool, NoValue>, other: Result<bool, NoValue>) -> Answer<'v> {
        let decides = self == Logic::Or;
        match (one, other) {
            (Err(NoValue::Steps), _) | (_, Err(NoValue::Steps)) => Some(Err(NoValue::Steps)),
            (Ok(value), _) | (_, Ok(value)) if value == decides => Some(Ok(Scalar::Boolean(decides))),
            (Ok(_), Ok(value)) if value == decides => Some(Ok(Scalar::Boolean(decides))),
            (Ok(_), Ok(_)) => Some(Ok(Scalar::Boolean(!decides))),
            (Err(_), Err(_)) => None,
            (Err(reason), _) | (_, Err(reason)) => Some(Err(reason)),
        }
    }

    pub(super) fn of_items<'e>(self, list: Item<'e>, condition: &'e Plain, view: &View<'e>) -> Answer<'e> {
        if list.kind() != Kind::Array || list.items().nth(MAX_ITEMS).is_some() {
            return None;
        }
        let decides = self == Logic::Or;
        for item in list.items() {
            match condition.boolean(Sight { view, item: Some(item) })? {
                Ok(value) if value == decides => return Some(Ok(Scalar::Boolean(decides))),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
        Some(Ok(Scalar::Boolean(!decides)))
    }
}

impl UrlPart {
    pub(super) fn of<'v>(&self, text: &str) -> Option<Scalar<'v>> {
        let url = Url::parse(text).ok()?;
        let part = match self {
            UrlPart::Part(name) => functions::url_part(&url, name)?,
            UrlPart::Query(name) => url.query_pairs().find(|(key, _)| key == name)?.1,
        };
        Some(Scalar::Text(part.into_owned().into()))
    }
}
