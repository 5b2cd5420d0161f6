//! What a person has run again: the events of dead letters (redrive), or past events (replay). Both mark events for a tag; its
//! worker then runs them through today's container like any other.

mod put_back;
mod redrive;
mod replay;
mod select;

use crate::dead_letters::SettleError;
use crate::journal::{AppendError, CursorFileError, ReadError};

pub use redrive::{Dropped, Left, Redriven, drop_letters, redrive};
pub use replay::{Replayed, Span, replay};
pub use select::Selection;

/// Why events could not be run again, or letters not be settled. What was done before stays done; the same command may be given again.
#[derive(Debug, thiserror::Error)]
pub enum AgainError {
    #[error("the data directory cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error("what is to be run again cannot be written down: {0}")]
    Mark(#[from] CursorFileError),
    #[error("the events that the journal had let go of cannot be put back: {0}")]
    PutBack(#[from] AppendError),
    #[error(transparent)]
    Settle(#[from] SettleError),
    #[error("there is no tag `{tag}` here; there are: {}", .known.join(", "))]
    NoTag { tag: String, known: Vec<String> },
}
