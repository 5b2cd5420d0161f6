//! Where the tags are, and how their events ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tagyard_pipeline::outcome::Outcome;

use crate::journal::Cursors;

/// Where the tags are, and how their events ended.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) cursors: Cursors,
    pub(super) counts: BTreeMap<String, Counts>,
    /// Of the events that were run again, among those in `counts`; only of tags that have a cursor.
    pub(super) again: BTreeMap<String, Counts>,
}

impl State {
    /// Gives the tags that have none a cursor; returns which those were.
    pub(super) fn add(&mut self, tags: &[&str], start: u64) -> Vec<String> {
        let is_new = |tag: &&&str| self.cursors.get(tag).is_none();
        let added: Vec<String> = tags.iter().filter(is_new).map(|tag| (*tag).to_owned()).collect();
        added.iter().for_each(|tag| _ = self.cursors.tag(tag, start));
        for tag in tags {
            self.counts.entry((*tag).to_owned()).or_default();
        }
        added
    }

    pub(super) fn remove(&mut self, tags: &[String]) {
        for tag in tags {
            self.cursors.remove(tag);
            self.counts.remove(tag);
            self.again.remove(tag);
        }
    }

    /// Forgets all other tags; whether there were any.
    pub(super) fn keep_only(&mut self, tags: &[&str]) -> bool {
        let all = self.cursors.iter().map(|(tag, _)| tag.to_owned());
        let gone: Vec<String> = all.filter(|tag| !tags.contains(&tag.as_str())).collect();
        for tag in &gone {
            tracing::warn!(tag, "a tag that is no longer in the container gives up its place in the journal");
        }
        self.remove(&gone);
        !gone.is_empty()
    }
}

/// Outcomes of a tag since the host started.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub delivered: u64,
    pub skipped: u64,
    pub blocked_by_consent: u64,
    pub not_triggered: u64,
    pub dead: u64,
}

impl Counts {
    /// All outcomes.
    pub fn total(self) -> u64 {
        self.delivered + self.skipped + self.blocked_by_consent + self.not_triggered + self.dead
    }

    pub fn plus(self, other: Self) -> Self {
        self.with(other, |mine, theirs| mine + theirs)
    }

    /// What came after `before` was counted; all of it, where a restart has begun to count anew.
    pub fn since(self, before: Self) -> Self {
        if self.total() < before.total() { self } else { self.with(before, u64::saturating_sub) }
    }

    fn with(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Counts {
            delivered: of(self.delivered, other.delivered),
            skipped: of(self.skipped, other.skipped),
            blocked_by_consent: of(self.blocked_by_consent, other.blocked_by_consent),
            not_triggered: of(self.not_triggered, other.not_triggered),
            dead: of(self.dead, other.dead),
        }
    }

    /// So many events ended in this way.
    pub(super) fn add(&mut self, outcome: &Outcome, events: u64) {
        let count = match outcome {
            Outcome::Delivered => &mut self.delivered,
            Outcome::Skipped { .. } => &mut self.skipped,
            Outcome::BlockedByConsent { .. } => &mut self.blocked_by_consent,
            Outcome::NotTriggered { .. } => &mut self.not_triggered,
            Outcome::DeadLetter { .. } => &mut self.dead,
        };
        *count += events;
    }
}
