//! How a log is opened.

use std::time::Duration;

use super::dedupe::DEDUPE_KEYS;

/// A segment is sealed at this size: small enough that retention frees space in steps nobody
/// notices and that reading one through takes a fraction of a second, large enough that a
/// hundred gigabytes are 1,600 files.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// A segment is sealed at this age too, so that a quiet site's old events can be deleted when
/// their time has come.
pub const SEGMENT_AGE: Duration = Duration::from_secs(24 * 3600);

/// The records kept in memory for readers near the head.
const TAIL_RECORDS: usize = 16 * 1024;
/// What those may weigh: a second of a busy site, so that cursors that keep up never touch the disk. No more: all of this memory is gone
/// through again and again, and the more it is the fewer of its addresses the processor knows.
const TAIL_BYTES: usize = 4 << 20;

/// When an append is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// After the fsync: survives loss of power.
    Fsync,
    /// After the write: survives the end of this process, however it ends. An fsync follows within
    /// 500 ms, or with [`Log::sync`](super::Log::sync). Loss of power can lose what was answered in between.
    Flushed,
}

/// How a log is opened. The default is a journal without a size limit.
#[derive(Clone, Debug)]
pub struct Options {
    pub durability: Durability,
    /// Appends are refused with [`AppendError::Full`](super::AppendError::Full) beyond it.
    pub max_bytes: Option<u64>,
    /// Remember the keys of the last 24 hours, so that `append(.., dedupe: true)` can tell a duplicate.
    pub dedupe: bool,
    /// How many keys are remembered for certain; when there are more in 24 hours, the oldest are forgotten.
    pub dedupe_keys: usize,
    /// No new record gets a position below this: give the highest position that cursors know, so
    /// that a log which lost its end (or was restored from a copy) does not use a position twice.
    pub next_at_least: u64,
    pub segment_bytes: u64,
    pub segment_age: Duration,
    pub tail_records: usize,
    pub tail_bytes: usize,
    #[cfg(test)]
    pub(crate) faults: std::sync::Arc<super::disk::Faults>,
    /// Every segment is a prepared one.
    #[cfg(test)]
    pub(crate) prepare_at_once: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::Fsync,
            max_bytes: None,
            dedupe: false,
            dedupe_keys: DEDUPE_KEYS,
            next_at_least: 1,
            segment_bytes: SEGMENT_BYTES,
            segment_age: SEGMENT_AGE,
            tail_records: TAIL_RECORDS,
            tail_bytes: TAIL_BYTES,
            #[cfg(test)]
            faults: std::sync::Arc::default(),
            #[cfg(test)]
            prepare_at_once: false,
        }
    }
}
