//! Which dead letters a person has dealt with, how and when. A letter is never deleted for it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{MutexGuard, OnceCell};

use crate::journal::{AppendError, Key, Log, NewRecord, Ranges, ReadError, ReadLimit, Retain};

/// Ranges of letters in one record; a settlement of more lies in several. A record has to stay far below 16 MB.
const RECORD_RANGES: usize = 10_000;

/// What became of a letter.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Its event was run again.
    Redriven,
    /// It was let go.
    Dropped,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            How::Redriven => "redriven",
            How::Dropped => "dropped",
        })
    }
}

/// How and when a letter was settled.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Settled {
    pub how: How,
    pub at: Timestamp,
}

/// Letters that were settled together, as they lie in their log.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Settlement {
    #[serde(flatten)]
    settled: Settled,
    /// First and last number of each range, in order.
    letters: Vec<(u64, u64)>,
}

/// The log of settlements. It is small and is read once, when it is first asked. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Settlements {
    log: Log,
    known: Arc<OnceCell<Mutex<Ranges>>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Settlements {
    pub(super) fn new(log: Log) -> Self {
        Settlements { log, known: Arc::default(), turn: Arc::default() }
    }

    /// Whoever chooses letters and settles them has it meanwhile: two commands at once must not both run a letter's event.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The numbers of all that are settled.
    pub(super) async fn numbers(&self) -> Result<Ranges, ReadError> {
        Ok(self.known().await?.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Returns once it is durable.
    pub(super) async fn settle(&self, letters: &Ranges, settled: Settled) -> Result<(), SettleError> {
        let known = self.known().await?;
        let letters: Vec<(u64, u64)> = letters.iter().collect();
        let records = letters.chunks(RECORD_RANGES).map(|letters| NewRecord {
            received_at_ms: settled.at.as_millisecond(),
            key: Key::NONE,
            // It has no map with other keys than strings, so it is always JSON.
            payload: Bytes::from(
                serde_json::to_vec(&Settlement { settled, letters: letters.to_vec() }).unwrap_or_default(),
            ),
        });
        self.log.append(records.collect(), false).await?;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        letters.iter().for_each(|(first, last)| known.add(*first, *last));
        Ok(())
    }

    /// Lets go of settlements that are older than `max_age_ms`: their letters are older still.
    pub(super) async fn let_go(&self, max_age_ms: i64) -> Result<(), ReadError> {
        let before = self.log.durable_position() + 1;
        self.log.retain(Retain { before, max_age_ms: Some(max_age_ms), max_bytes: None }).await?;
        Ok(())
    }

    /// Everything that was settled, in order of time.
    pub(super) async fn all(&self) -> Result<Vec<Settlement>, ReadError> {
        let mut all = Vec::new();
        let mut from = 1;
        loop {
            let records = self.log.read_from(from, ReadLimit::default()).await?;
            let Some(last) = records.last() else { return Ok(all) };
            from = last.position + 1;
            all.extend(records.iter().filter_map(|record| serde_json::from_slice(&record.payload).ok()));
        }
    }

    async fn known(&self) -> Result<&Mutex<Ranges>, ReadError> {
        let read = async || {
            let mut numbers = Ranges::default();
            for (first, last) in self.all().await?.iter().flat_map(|settlement: &Settlement| &settlement.letters) {
                numbers.add(*first, *last);
            }
            Ok(Mutex::new(numbers))
        };
        self.known.get_or_try_init(read).await
    }
}

impl Settlement {
    pub(super) fn of(&self, number: u64) -> Option<Settled> {
        let after = self.letters.partition_point(|(first, _)| *first <= number);
        let (_, last) = self.letters.get(after.checked_sub(1)?)?;
        (number <= *last).then_some(self.settled)
    }
}

/// Why letters could not be settled.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    #[error("the settled letters cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error("the settled letters cannot be written down: {0}")]
    Append(#[from] AppendError),
}
