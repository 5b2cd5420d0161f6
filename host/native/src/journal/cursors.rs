//! All tags' cursors, and what the outcomes log adds to their last checkpoint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;
use super::error::ReadError;
use super::log::Log;
use super::read::ReadLimit;
use super::record::Record;

/// The state of a start is the last checkpoint and the outcomes recorded after it. So whoever records
/// outcomes appends them first and calls [`Self::apply`] for each afterwards, in the order of the outcomes log: a
/// checkpoint then never says more than that log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursors {
    /// Every outcome below this position of the outcomes log has been applied.
    outcomes: u64,
    tags: BTreeMap<String, Cursor>,
}

/// What a record of outcomes says to a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    pub tag: String,
    /// The events' positions in the journal: one, or several in a row.
    pub first: u64,
    pub last: u64,
}

impl Cursors {
    /// The tag's cursor. For a new tag it begins at `start`; write a checkpoint before the first event is
    /// run, or a restart begins it anew.
    pub fn tag(&mut self, tag: &str, start: u64) -> &mut Cursor {
        self.tags.entry(tag.to_owned()).or_insert_with(|| Cursor::starting_at(start))
    }

    pub fn get(&self, tag: &str) -> Option<&Cursor> {
        self.tags.get(tag)
    }

    pub fn get_mut(&mut self, tag: &str) -> Option<&mut Cursor> {
        self.tags.get_mut(tag)
    }

    /// Every tag's events go to another worker; see [`Cursor::rewind`].
    pub fn rewind(&mut self) {
        self.tags.values_mut().for_each(Cursor::rewind);
    }

    /// Forgets a tag that is no longer configured; it would hold back retention for ever.
    pub fn remove(&mut self, tag: &str) -> Option<Cursor> {
        self.tags.remove(tag)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Cursor)> {
        self.tags.iter().map(|(tag, cursor)| (tag.as_str(), cursor))
    }

    /// The lowest position any tag needs; `None` without tags.
    pub fn low(&self) -> Option<u64> {
        self.tags.values().map(Cursor::low).min()
    }

    /// Where the outcomes log has to be read from at a start; what lies below it may be deleted there.
    pub fn outcomes(&self) -> u64 {
        self.outcomes.max(1)
    }

    /// The record at `outcome` in the outcomes log is durable: `tag` has finished the events from `first` to `last`.
    pub fn apply(&mut self, outcome: u64, tag: &str, (first, last): (u64, u64)) {
        self.outcomes = self.outcomes.max(outcome.saturating_add(1));
        if let Some(cursor) = self.tags.get_mut(tag) {
            cursor.finish_all(first, last);
        }
    }

    /// Applies the outcomes that are not in the checkpoint, before any worker starts. A tag the
    /// checkpoint does not have gets a cursor at `start`: the oldest event, when the checkpoint was lost, so
    /// that exactly what has no outcome is run.
    ///
    /// `finished` reads an outcome's record; `None` for one that ends nothing.
    ///
    /// # Errors
    /// When the outcomes log cannot be read.
    pub async fn replay(
        &mut self,
        outcomes: &Log,
        start: u64,
        finished: impl Fn(&Record) -> Option<Finished>,
    ) -> Result<u64, ReadError> {
        let mut replayed = 0;
        loop {
            let records = outcomes.read_from(self.outcomes(), REPLAYED_AT_ONCE).await?;
            if records.is_empty() {
                return Ok(replayed);
            }
            for record in records {
                self.outcomes = record.position.saturating_add(1);
                if let Some(finished) = finished(&record) {
                    let cursor = self.tag(&finished.tag, start);
                    (finished.first..=finished.last).for_each(|event| cursor.replay(event));
                    replayed += 1;
                }
            }
        }
    }
}

const REPLAYED_AT_ONCE: ReadLimit = ReadLimit { records: 16 * 1024, bytes: 4 << 20 };
