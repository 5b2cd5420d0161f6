//! Looking back: at events, how they ended, and what was sent, of a running host or of a stopped one's data directory.
//!
//! Everything streams over the logs in the order of positions. What has to be held to put the logs together is held for a chunk of
//! events at a time, and in the command's process, not in the host's.

mod endings;
mod event;
mod logs;
mod walk;

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::admin::{AskError, Status, ask, ask_bytes, decode_page, tell};
use crate::identity::{KeptLink, Links, LinksError};
use crate::journal::{CursorFile, OpenError, ReadError};
use crate::person::Ids;

pub use endings::{CHUNK_BYTES, CHUNK_EVENTS, Ending, Endings, outcomes, sent};
pub use event::{PastEvent, Unreadable};
pub use logs::{Entry, Extent, Logs, Part};
pub use walk::{CLOCK_SLACK, Span, Walk};

/// Where a command looks.
pub enum History {
    Running(PathBuf),
    /// Logs that this process has opened, and their data directory.
    Opened(Logs, PathBuf),
}

/// Why it cannot look back.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("{} is no data directory; name the host's with --data-dir", .0.display())]
    NoDirectory(PathBuf),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("the host's answer cannot be read; is the command of the host's version?")]
    Page,
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the identity links cannot be read: {0}")]
    Links(#[from] LinksError),
}

impl History {
    /// Of the host that runs on a data directory, or else of the directory itself.
    ///
    /// # Errors
    /// When there is neither.
    pub async fn open(data_dir: &Path) -> Result<Self, HistoryError> {
        match ask::<Extent>(data_dir, &format!("/history/{}/extent", Part::Journal.name())).await {
            Ok(_) => return Ok(History::Running(data_dir.to_owned())),
            Err(AskError::NotRunning) => {}
            Err(error) => return Err(error.into()),
        }
        if !data_dir.join("journal").is_dir() {
            return Err(HistoryError::NoDirectory(data_dir.to_owned()));
        }
        Ok(History::Opened(Logs::open(data_dir)?, data_dir.to_owned()))
    }

    /// Records from a position on; empty at the end.
    ///
    /// # Errors
    /// When they cannot be read, or the host is gone.
    pub async fn read(&self, part: Part, from: u64, records: usize) -> Result<Vec<Entry>, HistoryError> {
        match self {
            History::Opened(logs, _) => logs.read(part, from, records).await,
            History::Running(data_dir) => {
                let asked = format!("/history/{}?from={from}&records={records}", part.name());
                decode_page(ask_bytes(data_dir, &asked).await?).ok_or(HistoryError::Page)
            }
        }
    }

    /// What a log has, and where in it a time is.
    ///
    /// # Errors
    /// When the host is gone.
    pub async fn extent(&self, part: Part, since: Option<Timestamp>) -> Result<Extent, HistoryError> {
        let since_ms = since.map(Timestamp::as_millisecond);
        match self {
            History::Opened(logs, _) => Ok(logs.extent(part, since_ms).await),
            History::Running(data_dir) => {
                let query = since_ms.map_or(String::new(), |since| format!("?since_ms={since}"));
                Ok(ask(data_dir, &format!("/history/{}/extent{query}", part.name())).await?)
            }
        }
    }

    /// The event at a position.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn event(&self, position: u64) -> Result<Option<Result<PastEvent, Unreadable>>, HistoryError> {
        let entries = self.read(Part::Journal, position, 1).await?;
        let entry = entries.first().filter(|entry| entry.position == position);
        Ok(entry.map(|entry| PastEvent::read(position, &entry.payload)))
    }

    /// The identity links of a person.
    ///
    /// # Errors
    /// When they cannot be read, or the host is gone.
    pub async fn links(&self, ids: &Ids) -> Result<Vec<KeptLink>, HistoryError> {
        match self {
            History::Running(data_dir) => Ok(tell(data_dir, "/links", ids).await?),
            History::Opened(_, data_dir) => {
                let links = Links::new(data_dir);
                let found = links.of(ids.linked()).await;
                links.close().await;
                Ok(found?)
            }
        }
    }

    /// The tags that have a place in the journal, whether they have come to an event yet or not.
    ///
    /// # Errors
    /// When the host is gone.
    pub async fn tags(&self) -> Result<Vec<String>, HistoryError> {
        match self {
            History::Running(data_dir) => {
                let status: Status = ask(data_dir, "/status").await?;
                Ok(status.tags.into_iter().map(|tag| tag.tag).collect())
            }
            History::Opened(_, data_dir) => {
                let cursors = CursorFile::new(data_dir.join("cursors.json")).load().cursors;
                Ok(cursors.iter().map(|(tag, _)| tag.to_owned()).collect())
            }
        }
    }
}
