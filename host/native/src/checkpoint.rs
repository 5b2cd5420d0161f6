//! Writes the cursors down: one at a time, and never more than the outcomes on disk say.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::journal::{AppendError, CursorFile, CursorFileError, Log};
use crate::outcomes::State;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Checkpoint {
    file: CursorFile,
    outcomes: Log,
    state: Arc<Mutex<State>>,
    /// Whoever has it takes the cursors and writes them: of two, the one with the newer cursors is the later.
    turn: Arc<tokio::sync::Mutex<()>>,
    saved: Arc<Mutex<Saved>>,
}

/// From where the outcomes are read again after a start from the last checkpoint, and from the one before it.
#[derive(Clone, Copy)]
struct Saved {
    last: u64,
    previous: u64,
}

impl Checkpoint {
    /// `loaded`: from where the checkpoint that the host started from has the outcomes read.
    pub(crate) fn new(file: CursorFile, outcomes: Log, state: Arc<Mutex<State>>, loaded: u64) -> Self {
        // What the file before the last one says is not known.
        let saved = Saved { last: loaded, previous: 1 };
        Checkpoint { file, outcomes, state, turn: Arc::default(), saved: Arc::new(Mutex::new(saved)) }
    }

    /// The first outcome that a start may read: from the last checkpoint or, where that is damaged, the one before it.
    pub(crate) fn needed(&self) -> u64 {
        lock(&self.saved).previous
    }

    /// Writes the cursors down as they are.
    ///
    /// # Errors
    /// When the disk does not take them; an older checkpoint is still there.
    pub(crate) async fn save(&self) -> Result<(), CursorFileError> {
        let _turn = self.turn.lock().await;
        let cursors = lock(&self.state).cursors.clone();
        let next = cursors.outcomes();
        // The outcomes first: after a loss of power the checkpoint must not say more than they do.
        self.outcomes.sync().await.map_err(|error| match error {
            AppendError::Storage(fault) => CursorFileError::Storage(fault),
            AppendError::Busy | AppendError::Full { .. } | AppendError::TooLarge { .. } | AppendError::Closed => {
                CursorFileError::Closed
            }
        })?;
        self.file.save(cursors).await?;
        let mut saved = lock(&self.saved);
        *saved = Saved { last: next, previous: saved.last };
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
