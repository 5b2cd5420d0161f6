//! Writes the cursors down: one at a time, and never more than the outcomes on disk say.

use std::sync::{Arc, Mutex, PoisonError};

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
}

impl Checkpoint {
    pub(crate) fn new(file: CursorFile, outcomes: Log, state: Arc<Mutex<State>>) -> Self {
        Checkpoint { file, outcomes, state, turn: Arc::default() }
    }

    /// Writes the cursors down as they are.
    ///
    /// # Errors
    /// When the disk does not take them; an older checkpoint is still there.
    pub(crate) async fn save(&self) -> Result<(), CursorFileError> {
        let _turn = self.turn.lock().await;
        let cursors = self.state.lock().unwrap_or_else(PoisonError::into_inner).cursors.clone();
        // The outcomes first: after a loss of power the checkpoint must not say more than they do.
        self.outcomes.sync().await.map_err(|error| match error {
            AppendError::Storage(fault) => CursorFileError::Storage(fault),
            AppendError::Busy | AppendError::Full { .. } | AppendError::TooLarge { .. } | AppendError::Closed => {
                CursorFileError::Closed
            }
        })?;
        self.file.save(cursors).await
    }
}
