//! Fields of what plain expressions see.

use serde_json::{Map, Value};

use super::{Answer, Scalar, Sight};
use crate::expression::NoValue;
use crate::outline::{Item, Kind};

/// A path, without the variable that it begins with.
#[derive(Debug)]
pub(in crate::expression) struct Field {
    pub(super) root: Root,
    pub(super) path: Vec<String>,
}

/// The variable that a path begins with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::expression) enum Root {
    Event,
    Request,
    Visitor,
    Consent,
    Vars,
    /// The item of a list that is gone through.
    Item,
}

impl Field {
    pub(super) fn scalar<'e>(&'e self, sight: Sight<'_, 'e>) -> Answer<'e> {
        let (view, around) = (sight.view, sight.view.around());
        let value = match (self.root, self.path.as_slice()) {
            (Root::Event, path) => return of_item(view.fields().root(), path),
            (Root::Item, path) => return of_item(sight.item?, path),
            (Root::Consent, [purpose]) => return Some(Ok(Scalar::Boolean(around.is_given(purpose)))),
            (Root::Request, [first, ..]) => around.request().get(first),
            (Root::Visitor, [first, ..]) => around.visitor(first),
            (Root::Vars, [first, ..]) => match around.variable(first) {
                Ok(value) => Some(value),
                Err(NoValue::Steps) => return Some(Err(NoValue::Steps)),
                Err(_) => None,
            },
            _ => return None,
        };
        let Some(mut value) = value else { return Some(Err(NoValue::Missing)) };
        for member in self.path.iter().skip(1) {
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

    /// Whether it is there, where what would have it is.
    pub(super) fn is_there(&self, sight: Sight<'_, '_>) -> Option<bool> {
        let (last, path) = self.path.split_last()?;
        let holder = match self.root {
            Root::Event => sight.view.fields().root(),
            Root::Item => sight.item?,
            _ => return None,
        };
        let holder = holder.at(path).filter(|holder| holder.kind() == Kind::Object)?;
        match holder.member(last).map(Item::kind) {
            Some(Kind::Null) => None,
            there => Some(there.is_some()),
        }
    }

    /// The event's value here, whatever it is.
    pub(super) fn item<'e>(&self, sight: Sight<'_, 'e>) -> Option<Item<'e>> {
        if self.root == Root::Event { sight.view.fields().root().at(&self.path) } else { None }
    }
}

fn of_item<'e>(item: Item<'e>, path: &[String]) -> Answer<'e> {
    let mut value = item;
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
