//! Events that are run again: marked by a person's command, taken by the tag's worker.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Counts, Recorder, lock};
use crate::journal::{Begin, CursorFileError, Ranges};

/// How a tag is doing with what it runs again.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Rerun {
    /// Events that have no further outcome yet.
    pub left: u64,
    /// The further outcomes since the host started.
    pub ended: Counts,
}

impl Recorder {
    /// Marks events to be run again, by tag, and returns when that is on disk: what a person was promised outlives the process.
    /// Gives back those that will be run from their beginning, of the tags that there are; see [`crate::journal::Cursor::run_again`].
    ///
    /// # Errors
    /// When the checkpoint cannot be written. What was marked may be run nevertheless.
    pub async fn run_again(
        &self,
        wanted: &BTreeMap<String, Ranges>,
    ) -> Result<BTreeMap<String, Ranges>, CursorFileError> {
        let runs = {
            let cursors = &mut lock(&self.state).cursors;
            let marked =
                wanted.iter().filter_map(|(tag, events)| Some((tag.clone(), cursors.get_mut(tag)?.run_again(events))));
            marked.collect()
        };
        // Twice: a start that finds the last checkpoint damaged takes the one before, and that has to know it as well.
        self.checkpoint.save().await?;
        self.checkpoint.save().await?;
        self.marks.send_replace(());
        Ok(runs)
    }

    /// How each tag is doing with what it runs again.
    pub fn reruns(&self) -> BTreeMap<String, Rerun> {
        let state = lock(&self.state);
        let rerun = |tag: &str, left| Rerun { left, ended: state.again.get(tag).copied().unwrap_or_default() };
        state.cursors.iter().map(|(tag, cursor)| (tag.to_owned(), rerun(tag, cursor.again()))).collect()
    }

    /// Tells when events have been marked.
    pub(crate) fn marks(&self) -> watch::Receiver<()> {
        self.marks.subscribe()
    }

    /// The first stretch of events that a tag has to run again: its first and last position.
    pub(crate) fn next_again(&self, tag: &str) -> Option<(u64, u64)> {
        lock(&self.state).cursors.get(tag).and_then(|cursor| cursor.next_again())
    }

    /// Whether the event at `position` is to be run again for the tag.
    pub(crate) fn begin_again(&self, tag: &str, position: u64) -> Begin {
        lock(&self.state).cursors.get_mut(tag).map_or(Begin::Skip, |cursor| cursor.begin_again(position))
    }

    /// These are not in the journal any more; how many of them were to be run again.
    pub(crate) fn forget_again(&self, tag: &str, first: u64, last: u64) -> u64 {
        lock(&self.state).cursors.get_mut(tag).map_or(0, |cursor| cursor.forget_again(first, last))
    }
}
