//! `[journal]`: what is kept on disk, and for how long.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is kept on disk, and for how long. What a tag still needs is kept in any case.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    /// How long events and their outcomes are kept once every tag is done with them, in days. A day at least, since
    /// duplicates of the last 24 hours are told by them after a restart.
    #[schemars(range(min = 1, max = 3650))]
    pub keep_days: u32,
    /// The most that events with which every tag is done may take on disk, in MiB, and their outcomes as much again; the oldest
    /// are let go first.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub keep_mib: u64,
    /// The most that the journal may take on disk, in MiB, events that a tag still needs included. Beyond it no event is
    /// accepted (503 and `Retry-After`) until tags are done with some. Absent: as much as the disk has.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_mib: Option<u64>,
    /// How long dead letters are kept, in days.
    #[schemars(range(min = 1, max = 3650))]
    pub keep_dead_days: u32,
}

impl Default for Journal {
    fn default() -> Self {
        Journal { keep_days: 7, keep_mib: 10 * 1024, max_mib: None, keep_dead_days: 30 }
    }
}
