//! `filter`: keeps an event from the tags that it is for.

use super::error::{Fault, TransformError};
use super::{Compiled, Effect};
use crate::expression::Expression;

/// Why a tag does not get an event. It names the condition, and no value of the event.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Filtered {
    #[error("it is filtered where `{0}`")]
    Where(String),
    /// Neither making the change nor leaving it out would be safe.
    #[error("the condition of a transformation takes more steps than an expression may: `{0}`")]
    Steps(String),
}

impl Filtered {
    pub(super) fn by(when: Option<&Expression>) -> Self {
        Filtered::Where(in_one_line(when.map_or("true", Expression::source)))
    }

    pub(super) fn undecided(when: &Expression) -> Self {
        Filtered::Steps(in_one_line(when.source()))
    }
}

fn in_one_line(source: &str) -> String {
    source.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn compile(filter: bool, when: Option<&str>) -> Compiled {
    match (filter, when) {
        (true, Some(_)) => Ok(Effect::Filter),
        (true, None) => Err(TransformError::at([], Fault::FilterAll).into()),
        (false, _) => Err(TransformError::at([], Fault::FilterFalse).into()),
    }
}
