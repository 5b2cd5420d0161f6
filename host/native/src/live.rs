//! What is in force: the container's name, its tags, since when, and why the last change of it was not taken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::retention::Keep;
use crate::tag::Tag;

/// For those who ask: status and metrics.
pub struct Live {
    state: Mutex<State>,
}

struct State {
    in_force: Arc<InForce>,
    failed: Option<FailedReload>,
}

/// A container in force.
pub struct InForce {
    pub container: String,
    pub loaded_at: Timestamp,
    pub keep: Keep,
    pub tags: Vec<Arc<Tag>>,
}

/// A changed container that was not taken. One that is taken makes it forgotten.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct FailedReload {
    pub at: Timestamp,
    /// For a person: what `tagyard check` says, where the file has mistakes.
    pub reason: String,
}

impl Live {
    pub(crate) fn new(in_force: InForce) -> Self {
        Live { state: Mutex::new(State { in_force: Arc::new(in_force), failed: None }) }
    }

    pub fn in_force(&self) -> Arc<InForce> {
        self.lock().in_force.clone()
    }

    pub fn failed(&self) -> Option<FailedReload> {
        self.lock().failed.clone()
    }

    pub(crate) fn put_in_force(&self, in_force: InForce) {
        *self.lock() = State { in_force: Arc::new(in_force), failed: None };
    }

    pub(crate) fn set_failed(&self, reason: String) {
        self.lock().failed = Some(FailedReload { at: Timestamp::now(), reason });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
