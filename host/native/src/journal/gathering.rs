//! Waiting for company: the writer rests until enough appends wait for it, and is woken once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many appends the writer waits for; 0 while it does not wait.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    wanted: AtomicUsize,
    asleep: Mutex<()>,
    enough: Condvar,
}

impl Gathering {
    /// Waits until `queued` has come to `wanted`, but no longer than `most`. Returns what it has come to. For the one writer.
    pub(super) fn wait(&self, queued: &AtomicUsize, wanted: usize, most: Duration) -> usize {
        let until = Instant::now() + most;
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.wanted.store(wanted, Ordering::SeqCst);
        while queued.load(Ordering::SeqCst) < wanted {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            (asleep, _) = self.enough.wait_timeout(asleep, left).unwrap_or_else(PoisonError::into_inner);
        }
        self.wanted.store(0, Ordering::SeqCst);
        queued.load(Ordering::SeqCst)
    }

    /// Says that `queued` appends wait now. It takes the lock only for the one that makes it enough.
    pub(super) fn tell(&self, queued: usize) {
        if self.wanted.load(Ordering::SeqCst) != queued {
            return;
        }
        // Between its look at the number and its sleep the writer holds the lock.
        drop(self.asleep.lock().unwrap_or_else(PoisonError::into_inner));
        self.enough.notify_one();
    }
}
