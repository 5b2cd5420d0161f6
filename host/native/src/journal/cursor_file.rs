//! The cursors' checkpoint on disk.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cursors::Cursors;
use super::disk::sync_dir;
use super::error::{StorageFault, fault};

/// The file that holds all cursors, and beside it (`.previous`) the one before. A start from an older
/// checkpoint replays more outcomes and is otherwise the same.
#[derive(Clone, Debug)]
pub struct CursorFile {
    path: PathBuf,
}

/// The cursors to start with.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub cursors: Cursors,
    pub origin: Origin,
}

/// Where they come from. Anything unreadable has been logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Current,
    /// The current file is missing or damaged.
    Previous,
    /// There is no file: a new data directory.
    Fresh,
    /// Both are damaged. Replay with the journal's oldest position as the start of every tag.
    Lost,
}

#[derive(Debug, thiserror::Error)]
pub enum CursorFileError {
    #[error(transparent)]
    Storage(#[from] StorageFault),
    #[error("the cursors cannot be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("the checkpoint was abandoned: the host is stopping")]
    Closed,
}

impl CursorFile {
    /// `path` is the file's; nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// No content of the files keeps the host from starting. Blocks on the disk.
    pub fn load(&self) -> Loaded {
        let mut origin = Origin::Fresh;
        for (path, good) in [(self.path.clone(), Origin::Current), (self.previous(), Origin::Previous)] {
            match read(&path) {
                Ok(Some(cursors)) => return Loaded { cursors, origin: good },
                Ok(None) => {}
                Err(error) => {
                    origin = Origin::Lost;
                    tracing::error!(file = %path.display(), error, "the cursors' checkpoint is damaged");
                }
            }
        }
        Loaded { cursors: Cursors::default(), origin }
    }

    /// Replaces the checkpoint, durably; one call at a time. The one of before stays until the new one is whole.
    ///
    /// # Errors
    /// When it could not be written; an older one is then still there.
    pub async fn save(&self, cursors: Cursors) -> Result<(), CursorFileError> {
        let file = self.clone();
        let saving = tokio::task::spawn_blocking(move || file.save_now(cursors));
        saving.await.unwrap_or(Err(CursorFileError::Closed))
    }

    /// [`Self::save`], for a thread that may block.
    ///
    /// # Errors
    /// The same.
    pub fn save_now(&self, cursors: Cursors) -> Result<(), CursorFileError> {
        let checkpoint = Checkpoint { checksum: checksum(&cursors)?, cursors };
        let text = serde_json::to_vec(&checkpoint)?;
        self.replace(&text).map_err(fault("write the checkpoint", &self.path))?;
        Ok(())
    }

    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let temporary = self.path.with_extension("tmp");
        let mut file = File::create(&temporary)?;
        file.write_all(text)?;
        file.sync_all()?;
        match fs::rename(&self.path, self.previous()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::rename(&temporary, &self.path)?,
        }
        self.path.parent().map_or(Ok(()), sync_dir)
    }

    fn previous(&self) -> PathBuf {
        self.path.with_extension("previous")
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Checkpoint {
    /// CRC-32C of the compact JSON text of `cursors`: a changed digit must not skip events.
    checksum: u32,
    cursors: Cursors,
}

fn checksum(cursors: &Cursors) -> Result<u32, serde_json::Error> {
    Ok(crc32c::crc32c(&serde_json::to_vec(cursors)?))
}

#[expect(clippy::disallowed_methods, reason = "the host's own file, as long as its tags are many")]
fn read(path: &Path) -> Result<Option<Cursors>, String> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| error.to_string())?,
    };
    let Checkpoint { checksum: written, cursors } = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    match checksum(&cursors) {
        Ok(computed) if computed == written => Ok(Some(cursors)),
        _ => Err("its checksum is wrong".to_owned()),
    }
}
