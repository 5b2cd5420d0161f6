//! `filter`: keeps an event from the tags that it is for.

use super::error::{Fault, TransformError};
use super::{Compiled, Effect};
use crate::expression::Expression;

/// Why a tag does not get an event. It names the condition, and no value of the event.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("it is filtered where `{0}`")]
pub struct Filtered(String);

impl Filtered {
    pub(super) fn by(when: Option<&Expression>) -> Self {
        Filtered(when.map_or("true", Expression::source).split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

pub(super) fn compile(filter: bool, when: Option<&str>) -> Compiled {
    match (filter, when) {
        (true, Some(_)) => Ok(Effect::Filter),
        (true, None) => Err(TransformError::at([], Fault::FilterAll).into()),
        (false, _) => Err(TransformError::at([], Fault::FilterFalse).into()),
    }
}
