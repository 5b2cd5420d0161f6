//! Dead letters: what will not be tried again by itself, with the reason, kept until a person decides.

mod settled;

use bytes::Bytes;
use jiff::Timestamp;
use settled::Settlements;
use tokio::sync::MutexGuard;

use crate::journal::{AppendError, Key, Log, NewRecord, Ranges, ReadError, ReadLimit, Retain};
use crate::labels::Labels;

pub use settled::{How, SettleError, Settled};
pub use tagyard_pipeline::dead_letter::{DeadLetter, ShownAnswer, ShownRequest};

/// The log of dead letters.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    log: Log,
    settlements: Settlements,
    labels: Labels,
}

impl DeadLetters {
    /// The letters, and the log of those that were settled.
    pub fn new(log: Log, settled: Log) -> Self {
        DeadLetters { log, settlements: Settlements::new(settled), labels: Labels::default() }
    }

    /// Has its metrics say which container they are of.
    pub fn labelled(self, labels: Labels) -> Self {
        DeadLetters { labels, ..self }
    }

    /// The letters as records, each with its number as its position.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Returns once the letters are durable.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn append(&self, letters: &[DeadLetter]) -> Result<(), AppendError> {
        if letters.is_empty() {
            return Ok(());
        }
        let records = letters.iter().map(|letter| NewRecord {
            received_at_ms: letter.at.as_millisecond(),
            key: Key::NONE,
            // Nothing in a letter is a map with other keys than strings, so it is always JSON.
            payload: Bytes::from(serde_json::to_vec(letter).unwrap_or_default()),
        });
        self.log.append(records.collect(), false).await?;
        for letter in letters {
            let tag = letter.tag.clone().unwrap_or_default();
            let labels = self.labels.with([("tag", tag), ("cause", letter.cause.name().to_owned())]);
            metrics::counter!("tagyard_dead_letters_total", labels).increment(1);
        }
        Ok(())
    }

    /// Lets go of letters that are older than `max_age_ms`; how many.
    ///
    /// # Errors
    /// When they cannot be deleted.
    pub async fn let_go(&self, max_age_ms: i64) -> Result<u64, ReadError> {
        let oldest = self.log.oldest_position();
        let before = self.log.durable_position() + 1;
        self.log.retain(Retain { before, max_age_ms: Some(max_age_ms), max_bytes: None }).await?;
        self.settlements.let_go(max_age_ms).await?;
        Ok(self.log.oldest_position().saturating_sub(oldest))
    }

    /// The letters from `position` on, each with its own; empty at the end. Settled ones are among them.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn read_from(&self, position: u64) -> Result<Vec<(u64, DeadLetter)>, ReadError> {
        let records = self.log.read_from(position, ReadLimit::default()).await?;
        let letter = |payload: &[u8]| serde_json::from_slice(payload).ok();
        Ok(records.iter().filter_map(|record| Some((record.position, letter(&record.payload)?))).collect())
    }

    /// The letter of a number.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn get(&self, number: u64) -> Result<Option<DeadLetter>, ReadError> {
        let records = self.log.read_from(number, ReadLimit { records: 1, ..ReadLimit::default() }).await?;
        let record = records.first().filter(|record| record.position == number);
        Ok(record.and_then(|record| serde_json::from_slice(&record.payload).ok()))
    }

    /// The number of the last letter; 0 when there is none.
    pub fn last(&self) -> u64 {
        self.log.durable_position()
    }

    /// The numbers of the letters that a person has dealt with.
    ///
    /// # Errors
    /// When the log of them cannot be read.
    pub async fn settled(&self) -> Result<Ranges, ReadError> {
        self.settlements.numbers().await
    }

    /// How and when each of these letters was settled, if it was; the last time counts.
    ///
    /// # Errors
    /// When the log of them cannot be read.
    pub async fn settled_how(&self, numbers: &[u64]) -> Result<Vec<Option<Settled>>, ReadError> {
        let all = self.settlements.all().await?;
        Ok(numbers.iter().map(|number| all.iter().rev().find_map(|settlement| settlement.of(*number))).collect())
    }

    /// Settles letters. Returns once that is durable.
    ///
    /// # Errors
    /// When it cannot be written down; the letters are as they were.
    pub async fn settle(&self, letters: &Ranges, how: How) -> Result<(), SettleError> {
        if letters.is_empty() {
            return Ok(());
        }
        self.settlements.settle(letters, Settled { how, at: Timestamp::now() }).await
    }

    /// Whoever chooses letters to settle has this until they are settled, so that no other command takes them too.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.settlements.turn().await
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::Value;
    use tagyard_pipeline::outcome::Cause;
    use tagyard_pipeline::request::Request;

    use super::*;
    use crate::journal::Options;

    const DAY_MS: i64 = 24 * 3_600 * 1_000;

    #[tokio::test]
    async fn letters_are_let_go_when_they_are_old_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let log = |name: &str| Log::open(folder.path().join(name), Options::default()).unwrap().0;
        let letters = DeadLetters::new(log("letters"), log("settled"));
        let died = |days: i64| DeadLetter {
            at: Timestamp::now() - SignedDuration::from_hours(24 * days),
            tag: None,
            position: None,
            cause: Cause::Invalid,
            reason: "no event".to_owned(),
            event: Value::Null,
            brought_by: Request::default(),
            request: None,
            answer: None,
            attempts: 0,
        };
        letters.append(&[died(40), died(39)]).await.unwrap();
        assert_eq!(letters.let_go(50 * DAY_MS).await.unwrap(), 0);
        assert_eq!(letters.let_go(30 * DAY_MS).await.unwrap(), 2);
        letters.append(&[died(0)]).await.unwrap();
        assert_eq!(letters.let_go(30 * DAY_MS).await.unwrap(), 0);
        assert_eq!(letters.read_from(1).await.unwrap().iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3]);
    }
}
