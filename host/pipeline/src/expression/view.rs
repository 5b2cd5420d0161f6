//! What expressions see: an event, and what is around it.

use std::sync::LazyLock;

use cel::common::types::{CelBool, CelMapKey};
use cel::common::value::Val;
use serde_json::{Map, Value};

use super::reads::Tree;
use super::{NoValue, values};
use crate::event::Event;
use crate::outline::{Item, Outline};

/// An event as expressions see it. Nothing is read or converted before an expression asks for it.
#[derive(Clone, Copy)]
pub struct View<'e> {
    of: Viewed<'e>,
    around: &'e dyn Around,
}

/// What there is besides the event: `request`, `visitor`, `vars`, `consent`.
pub trait Around: Sync {
    /// What is kept of the request that brought the event.
    fn request(&self) -> &Map<String, Value>;

    /// What is known of the visitor under a name.
    fn visitor(&self, name: &str) -> Option<&Value>;

    /// The value of a variable.
    ///
    /// # Errors
    /// When it has none for this event.
    fn variable(&self, name: &str) -> Result<&Value, NoValue>;

    /// Whether consent to a purpose is given.
    fn is_given(&self, purpose: &str) -> bool;
}

/// No surroundings: no request, no variables, no consent.
#[derive(Clone, Copy, Debug)]
pub struct Nothing;

impl Around for Nothing {
    fn request(&self) -> &Map<String, Value> {
        static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        &NOTHING
    }

    fn visitor(&self, _: &str) -> Option<&Value> {
        None
    }

    fn variable(&self, _: &str) -> Result<&Value, NoValue> {
        Err(NoValue::Missing)
    }

    fn is_given(&self, _: &str) -> bool {
        false
    }
}

#[derive(Clone, Copy)]
enum Viewed<'e> {
    Event(&'e Event),
    /// An event on its way through the transformations.
    Fields(&'e Outline),
}

impl<'e> View<'e> {
    /// An event with nothing around it.
    pub fn of(event: &'e Event) -> Self {
        View { of: Viewed::Event(event), around: &Nothing }
    }

    /// An event's fields with nothing around them.
    pub fn new(fields: &'e Outline) -> Self {
        View { of: Viewed::Fields(fields), around: &Nothing }
    }

    /// The same event with its surroundings.
    pub fn within(self, around: &'e dyn Around) -> Self {
        View { around, ..self }
    }

    /// Other fields in the same surroundings.
    pub fn with_fields<'f>(&self, fields: &'f Outline) -> View<'f>
    where
        'e: 'f,
    {
        View::new(fields).within(self.around)
    }

    pub fn fields(&self) -> &'e Outline {
        match self.of {
            Viewed::Event(event) => event.outline(),
            Viewed::Fields(fields) => fields,
        }
    }

    pub(super) fn around(&self) -> &'e dyn Around {
        self.around
    }

    /// What an expression reads of one of its variables, as a CEL value.
    ///
    /// # Errors
    /// Where a variable takes too many steps. Any other that has no value is left out, and so is missing.
    pub(super) fn bind(&self, root: &str, read: &Tree) -> Result<Box<dyn Val + 'e>, NoValue> {
        Ok(match root {
            "event" => values::outlined(self.fields().root(), read),
            "request" => values::object(self.around.request(), read),
            "vars" => {
                let values = read.members().filter_map(|(name, _)| match self.around.variable(name) {
                    Ok(value) => Some(Ok((key(name), values::whole(value)))),
                    Err(NoValue::Steps) => Some(Err(NoValue::Steps)),
                    Err(_) => None,
                });
                values::map(values.collect::<Result<_, _>>()?)
            }
            "visitor" => {
                let known = |name| Some((key(name), values::whole(self.around.visitor(name)?)));
                values::map(read.members().filter_map(|(name, _)| known(name)).collect())
            }
            _ => {
                let given = |purpose| -> Box<dyn Val + 'e> { Box::new(CelBool::from(self.around.is_given(purpose))) };
                values::map(read.members().map(|(purpose, _)| (key(purpose), given(purpose))).collect())
            }
        })
    }

    /// The value at a path that an expression reads, for a person to see.
    pub(super) fn at(&self, path: &[&str]) -> Option<Value> {
        let within = |object: &Map<String, Value>, path: &[&str]| {
            let (first, rest) = path.split_first()?;
            rest.iter().try_fold(object.get(*first)?, |value, part| value.get(part)).cloned()
        };
        match path {
            ["event"] => None,
            ["event", path @ ..] => self.fields().root().at(path).map(Item::to_value),
            ["request", path @ ..] => within(self.around.request(), path),
            ["visitor", name] => self.around.visitor(name).cloned(),
            ["vars", name, path @ ..] => {
                let value = self.around.variable(name).ok()?;
                path.iter().try_fold(value, |value, part| value.get(part)).cloned()
            }
            ["consent", purpose] => Some(Value::Bool(self.around.is_given(purpose))),
            _ => None,
        }
    }
}

fn key(name: &str) -> CelMapKey<'static> {
    CelMapKey::from(name.to_owned())
}
