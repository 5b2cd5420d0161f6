//! Transformations: ordered changes of an event before a tag sees it.
//!
//! A new one is a file here, a field of [`model::Transform`] and a line in [`changes`].

mod allow;
mod chain;
mod coerce;
mod default;
mod drop;
mod error;
mod filter;
mod hash;
mod leaf;
mod lower;
mod map_event;
mod mask;
mod passage;
mod pii;
mod redact_pii;
mod rename;
mod set;
#[cfg(test)]
mod tests;
mod trace;
mod truncate_ip;

use std::borrow::Cow;
use std::fmt;

use crate::container::model;
use crate::expression::{Expression, NoValue};
use crate::outline::Outline;

pub use chain::Chain;
pub use error::{Fault, Place, Step, TransformError, TransformErrors};
pub use filter::Filtered;
pub use trace::Traced;

use passage::Passage;

/// An event's fields, changed.
pub type Fields<'e> = Cow<'e, Outline>;

/// One transformation, compiled.
#[derive(Debug)]
pub struct Transform {
    /// The tags it is for; `None`: all.
    tags: Option<Vec<String>>,
    when: Option<Expression>,
    /// The change's key in the container.
    name: &'static str,
    effect: Effect,
}

/// What a transformation does.
#[derive(Debug)]
enum Effect {
    Change(Box<dyn Change>),
    /// The event goes no further.
    Filter,
}

/// A change of an event. It takes it to be changed only where there is something to change: that copies it.
trait Change: fmt::Debug + Send + Sync {
    fn apply(&self, event: &mut Passage<'_, '_>);
}

type Compiled = Result<Effect, TransformErrors>;

/// Every change there is, by its key, compiled where the transformation has it.
fn changes(spec: &model::Transform) -> [(&'static str, Option<Compiled>); 13] {
    [
        ("allow", spec.allow.as_ref().map(|fields| allow::compile(fields))),
        ("drop", spec.drop.as_ref().map(|paths| drop::compile(paths))),
        ("set", spec.set.as_ref().map(set::compile)),
        ("rename", spec.rename.as_ref().map(rename::compile)),
        ("default", spec.default.as_ref().map(default::compile)),
        ("hash", spec.hash.as_ref().map(hash::compile)),
        ("mask", spec.mask.as_ref().map(mask::compile)),
        ("truncate_ip", spec.truncate_ip.as_ref().map(|fields| truncate_ip::compile(fields))),
        ("lower", spec.lower.as_ref().map(|fields| lower::compile(fields))),
        ("coerce", spec.coerce.as_ref().map(coerce::compile)),
        ("map_event", spec.map_event.as_ref().map(map_event::compile)),
        ("redact_pii", spec.redact_pii.as_ref().map(|fields| redact_pii::compile(fields))),
        ("filter", spec.filter.map(|filter| filter::compile(filter, spec.when.as_deref()))),
    ]
}

/// The keys that are a change, of which a transformation has exactly one.
pub fn change_names() -> impl Iterator<Item = &'static str> {
    changes(&model::Transform::default()).into_iter().map(|(name, _)| name)
}

impl Transform {
    /// Compiles a transformation.
    ///
    /// # Errors
    /// Everything that is wrong with it: none or several changes, paths, expressions or patterns that are none.
    pub fn compile(spec: &model::Transform) -> Result<Self, TransformErrors> {
        let mut errors = Vec::new();
        let when = spec.when.as_deref().map(Expression::compile).transpose().unwrap_or_else(|error| {
            errors.push(TransformError::at([Step::key("when")], Fault::Expression(error)));
            None
        });
        let mut effects = Vec::new();
        for (name, compiled) in changes(spec).into_iter().filter_map(|(name, compiled)| Some((name, compiled?))) {
            match compiled {
                Ok(effect) => effects.push((name, effect)),
                Err(more) => errors.extend(more.within(&Step::key(name)).0),
            }
        }
        match (effects.pop(), effects.is_empty(), errors.is_empty()) {
            (Some((name, effect)), true, true) => Ok(Transform { tags: spec.tags.clone(), when, name, effect }),
            (_, _, true) => Err(TransformErrors(vec![TransformError::at([], Fault::NotOne)])),
            _ => Err(TransformErrors(errors)),
        }
    }

    /// Whether it is for this tag.
    pub fn is_for(&self, tag: &str) -> bool {
        self.tags.as_ref().is_none_or(|tags| tags.iter().any(|name| name == tag))
    }

    fn apply(&self, event: &mut Passage<'_, '_>) -> Result<(), Filtered> {
        if !self.is_due(event)? {
            return Ok(());
        }
        match &self.effect {
            Effect::Filter => Err(Filtered::by(self.when.as_ref())),
            Effect::Change(change) => {
                change.apply(event);
                Ok(())
            }
        }
    }
}

impl Transform {
    fn is_due(&self, event: &Passage<'_, '_>) -> Result<bool, Filtered> {
        let Some(when) = &self.when else { return Ok(true) };
        match event.view(|view| when.test(view)) {
            Err(NoValue::Steps) => Err(Filtered::undecided(when)),
            // A missing field makes a condition false; it is no error.
            answer => Ok(answer.unwrap_or(false)),
        }
    }
}

impl Effect {
    fn change(change: impl Change + 'static) -> Self {
        Effect::Change(Box::new(change))
    }
}
