//! One tag's requests on the wire, and what of its events waits for another attempt.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::limits::TAG_DELIVERIES;

pub struct Wire {
    places: Semaphore,
    retrying: AtomicUsize,
}

/// Events whose request has failed and waits for its next attempt, until this is dropped.
pub(super) struct Retrying<'w> {
    wire: &'w Wire,
    events: usize,
}

impl Default for Wire {
    fn default() -> Self {
        Wire { places: Semaphore::new(TAG_DELIVERIES), retrying: AtomicUsize::new(0) }
    }
}

impl Wire {
    /// How many of the tag's events wait for another attempt.
    pub fn retrying(&self) -> usize {
        self.retrying.load(Ordering::Relaxed)
    }

    /// Waits for a place on the wire. A semaphore that is never closed always gives one.
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        self.places.acquire().await.ok()
    }

    pub(super) fn retry(&self, events: usize) -> Retrying<'_> {
        self.retrying.fetch_add(events, Ordering::Relaxed);
        Retrying { wire: self, events }
    }
}

impl Drop for Retrying<'_> {
    fn drop(&mut self) {
        self.wire.retrying.fetch_sub(self.events, Ordering::Relaxed);
    }
}
