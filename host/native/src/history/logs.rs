//! The logs that a command looks at.

use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::HistoryError;
use crate::dead_letters::DeadLetters;
use crate::host::open_dead_letters;
use crate::journal::{Log, OpenError, Options, ReadLimit};
use crate::sent;

/// The most bytes of one page; more only where a single record is larger.
const PAGE_BYTES: usize = 4 << 20;

/// One log of a data directory.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Journal,
    Outcomes,
    Sent,
    DeadLetters,
}

/// A record of a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    pub position: u64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    pub payload: Bytes,
}

/// What a log has.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Extent {
    /// A position at or before the first record of the time that was asked for; without one, the log's first.
    pub from: u64,
    /// The last position; below `from` when there is none.
    pub last: u64,
}

/// The logs themselves, in the process that has opened them. Cheap to clone.
#[derive(Clone)]
pub struct Logs {
    pub journal: Log,
    pub outcomes: Log,
    pub sent: Log,
    pub letters: DeadLetters,
}

impl Part {
    /// Its name, by which the admin socket is asked for it.
    pub fn name(self) -> &'static str {
        match self {
            Part::Journal => "journal",
            Part::Outcomes => "outcomes",
            Part::Sent => "sent",
            Part::DeadLetters => "dead_letters",
        }
    }
}

impl Logs {
    /// Opens those of a data directory that no host is running on.
    ///
    /// # Errors
    /// When they are in use, or cannot be read.
    pub fn open(data_dir: &Path) -> Result<Self, OpenError> {
        let open = |folder, options| Log::open(data_dir.join(folder), options).map(|(log, _)| log);
        Ok(Logs {
            journal: open("journal", Options::default())?,
            outcomes: open("outcomes", Options::default())?,
            sent: open("sent", sent::options())?,
            letters: open_dead_letters(data_dir)?,
        })
    }

    /// Records from a position on; empty at the end.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn read(&self, part: Part, from: u64, records: usize) -> Result<Vec<Entry>, HistoryError> {
        let limit = ReadLimit { records, bytes: PAGE_BYTES };
        let records = self.log(part).read_from(from, limit).await?;
        let entry = |record: &crate::journal::Record| Entry {
            position: record.position,
            at_ms: record.received_at_ms,
            payload: record.payload.clone(),
        };
        Ok(records.iter().map(|record| entry(record)).collect())
    }

    pub async fn extent(&self, part: Part, since_ms: Option<i64>) -> Extent {
        let log = self.log(part);
        let from = match since_ms {
            Some(at) => log.position_of(at).await,
            None => log.oldest_position(),
        };
        Extent { from, last: log.durable_position() }
    }

    fn log(&self, part: Part) -> &Log {
        match part {
            Part::Journal => &self.journal,
            Part::Outcomes => &self.outcomes,
            Part::Sent => &self.sent,
            Part::DeadLetters => self.letters.log(),
        }
    }
}
