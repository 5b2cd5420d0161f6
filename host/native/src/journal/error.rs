//! What can go wrong with a log.

use std::io;
use std::path::{Path, PathBuf};

use super::record::MAX_PAYLOAD_BYTES;

/// Why nothing of an append was accepted. The client may send it again, save for [`Self::TooLarge`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// More waits to be written than may wait; it is a matter of milliseconds.
    #[error("the log has as many appends waiting as it takes; try again in a moment")]
    Busy,
    /// Retention has to make room, which it can once the tags have passed the oldest events.
    #[error("the log holds {bytes} bytes and may hold {max}; raise its limit, or mend the tags that hold it back")]
    Full { bytes: u64, max: u64 },
    #[error("record {index} of the append has {bytes} bytes; a record has at most {MAX_PAYLOAD_BYTES}")]
    TooLarge { index: usize, bytes: usize },
    /// The disk is full, read-only or broken. The next append tries again.
    #[error(transparent)]
    Storage(#[from] StorageFault),
    #[error("the log is closed: the host is stopping")]
    Closed,
}

/// A failed operation on a log's files.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot {action} {}: {message}", path.display())]
pub struct StorageFault {
    pub action: &'static str,
    pub path: PathBuf,
    pub kind: io::ErrorKind,
    pub message: String,
}

impl StorageFault {
    pub(super) fn new(action: &'static str, path: &Path, error: &io::Error) -> Self {
        Self { action, path: path.to_owned(), kind: error.kind(), message: error.to_string() }
    }
}

/// Why a log does not open. Damaged records are no reason: see [`Recovery`](super::Recovery).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "{} is in use by another process{}; stop it, or choose another data directory", dir.display(), held_by(.pid)
    )]
    InUse { dir: PathBuf, pid: Option<u32> },
    #[error(
        "{} was written by a newer version (format {found}, this one reads {known}); run that version, or choose another data directory",
        path.display()
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error(transparent)]
    Storage(#[from] StorageFault),
}

/// Why nothing could be read. A damaged record is not an error: it is skipped, counted and kept aside.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Storage(#[from] StorageFault),
    #[error("the read was abandoned: the host is stopping")]
    Closed,
}

/// `map_err` for an operation on `path`.
pub(super) fn fault(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StorageFault {
    move |error| StorageFault::new(action, path, &error)
}

fn held_by(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}
