//! How large a log and its segments may become. A reload changes it while the log is open.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(super) struct Bounds {
    /// `u64::MAX` for none.
    max_bytes: AtomicU64,
    segment_bytes: AtomicU64,
}

impl Bounds {
    pub(super) fn new(max_bytes: Option<u64>, segment_bytes: u64) -> Self {
        Bounds { max_bytes: (max_bytes.unwrap_or(u64::MAX)).into(), segment_bytes: segment_bytes.into() }
    }

    pub(super) fn change(&self, max_bytes: Option<u64>, segment_bytes: u64) {
        self.max_bytes.store(max_bytes.unwrap_or(u64::MAX), Ordering::Relaxed);
        self.segment_bytes.store(segment_bytes, Ordering::Relaxed);
    }

    /// Beyond it appends are refused.
    pub(super) fn max_bytes(&self) -> Option<u64> {
        Some(self.max_bytes.load(Ordering::Relaxed)).filter(|max| *max < u64::MAX)
    }

    /// At which a segment is sealed.
    pub(super) fn segment_bytes(&self) -> u64 {
        self.segment_bytes.load(Ordering::Relaxed)
    }
}
