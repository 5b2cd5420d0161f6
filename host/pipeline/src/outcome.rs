//! Outcomes: how an event ended for a tag.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an event ended for a tag. Each event has exactly one for each tag.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The trigger was false; which clause.
    NotTriggered { reason: String },
    /// Never counted as a success.
    BlockedByConsent { reason: String },
    /// The tag had nothing to send for it, or a transformation filtered it.
    Skipped { reason: String },
    /// Every request that carried it was accepted by its vendor.
    Delivered,
    /// It will not be tried again by itself; the dead letters have it.
    DeadLetter { cause: Cause, reason: String },
}

/// At which stage an event died.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The source could not take it.
    Invalid,
    /// The tag says that its vendor would not take it.
    Rejected,
    /// The tag asked for a request that it was not granted.
    Refused,
    /// The tag failed: a trap, a limit, its own error.
    Failed,
    /// The vendor would not take it.
    Undeliverable,
}

impl Outcome {
    /// Its name in metrics and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::NotTriggered { .. } => "not_triggered",
            Outcome::BlockedByConsent { .. } => "blocked_by_consent",
            Outcome::Skipped { .. } => "skipped",
            Outcome::Delivered => "delivered",
            Outcome::DeadLetter { .. } => "dead_letter",
        }
    }

    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Delivered => None,
            Outcome::NotTriggered { reason }
            | Outcome::BlockedByConsent { reason }
            | Outcome::Skipped { reason }
            | Outcome::DeadLetter { reason, .. } => Some(reason),
        }
    }
}

impl Cause {
    /// Its name in metrics and reports.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Invalid => "invalid",
            Cause::Rejected => "rejected",
            Cause::Refused => "refused",
            Cause::Failed => "failed",
            Cause::Undeliverable => "undeliverable",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
