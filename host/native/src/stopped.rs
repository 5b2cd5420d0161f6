//! A data directory that no host runs on, opened to mark what the next start shall run.

use std::path::Path;

use crate::dead_letters::DeadLetters;
use crate::host::{HostError, open, open_dead_letters};
use crate::journal::{CursorFile, Durability, EventJournal, Log, Options, Origin};
use crate::labels::Labels;
use crate::outcomes::{Recorder, Writing};
use crate::sent;

/// The logs and cursors of a stopped host, held so that none starts meanwhile.
pub struct Stopped {
    pub journal: EventJournal,
    pub letters: DeadLetters,
    pub outcomes: Log,
    pub sent: Log,
    pub recorder: Recorder,
    writing: Writing,
}

/// Why a stopped host's data cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoppedError {
    #[error(
        "the data directory has no cursors, or they are damaged: start the host on it once, which makes or restores them"
    )]
    NoCursors,
    #[error(transparent)]
    Host(#[from] HostError),
}

impl Stopped {
    /// Opens them. Blocks on the disk.
    ///
    /// # Errors
    /// When they are in use, or cannot be read.
    pub async fn open(data_dir: &Path) -> Result<Self, StoppedError> {
        let checkpoint = CursorFile::new(data_dir.join("cursors.json"));
        let loaded = checkpoint.load();
        if matches!(loaded.origin, Origin::Fresh | Origin::Lost) {
            // A start does more about it than can be done here without the container; a checkpoint from here would keep it from that.
            return Err(StoppedError::NoCursors);
        }
        let known = loaded.cursors.iter().map(|(_, cursor)| cursor.next()).max().unwrap_or(1);
        let events = Options { next_at_least: known, ..Options::default() };
        let journal = EventJournal::new(open(&data_dir.join("journal"), events).map_err(HostError::from)?);
        let letters = open_dead_letters(data_dir).map_err(HostError::from)?;
        let next_at_least = loaded.cursors.outcomes();
        let outcomes = Options { durability: Durability::Flushed, next_at_least, ..Options::default() };
        let outcomes = open(&data_dir.join("outcomes"), outcomes).map_err(HostError::from)?;
        let sent = open(&data_dir.join("sent"), sent::options()).map_err(HostError::from)?;
        let oldest = journal.log().oldest_position();
        let started = Recorder::start(
            outcomes.clone(),
            sent.clone(),
            letters.clone(),
            checkpoint,
            loaded,
            oldest,
            Labels::default(),
        );
        let (recorder, writing) = started.await.map_err(HostError::from)?;
        Ok(Stopped { journal, letters, outcomes, sent, recorder, writing })
    }

    /// Writes the rest down and lets go of the directory.
    pub async fn close(self) {
        drop((self.journal, self.letters, self.outcomes, self.sent, self.recorder));
        self.writing.finish().await;
    }
}
