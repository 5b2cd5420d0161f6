//! `[journal]`: what is kept on disk, and for how long. What a tag still needs is kept in any case.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is kept on disk, and for how long. What a tag still needs is kept in any case.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Journal {
    // A day at least: after a restart, duplicates of the last 24 hours are told by what is kept.
    /// How long events and outcomes are kept once every tag is done with them, in days.
    #[schemars(range(min = 1, max = 3_650))]
    pub keep_days: u32,
    /// The most MiB that events which every tag is done with may take, and outcomes as much again; the oldest go first.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub keep_mib: u64,
    /// The most MiB of events on disk, those still needed too; beyond it events are answered 503. Absent: no limit.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub max_mib: Option<u64>,
    /// How long dead letters are kept, in days.
    #[schemars(range(min = 1, max = 3_650))]
    pub keep_dead_days: u32,
}

impl Default for Journal {
    fn default() -> Self {
        // A week to look back and to run again; a month for a person to come to the dead letters.
        Journal { keep_days: 7, keep_mib: 10 * 1_024, max_mib: None, keep_dead_days: 30 }
    }
}
