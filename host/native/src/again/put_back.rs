//! Events that the journal has let go of: their dead letters have them whole, so they are put into it again, for one tag alone.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::event::Event;
use tagyard_pipeline::object::Object;

use super::AgainError;
use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::journal::{EventJournal, Journal, Key, NewRecord, Ranges};

/// How many events go into one append: some MB at most.
const TOGETHER: usize = 128;

/// What the record names as its source.
const SOURCE: &str = "dead letter";

/// Appends the events of letters, and says of which letters: those whose event is whole. Returns once they are durable.
pub(super) async fn put_back(
    letters: &DeadLetters,
    journal: &EventJournal,
    gone: &[(u64, String)],
) -> Result<Ranges, AgainError> {
    let mut put_back = Ranges::default();
    for together in gone.chunks(TOGETHER) {
        let mut records = Vec::new();
        for (number, tag) in together {
            let letter = letters.get(*number).await?;
            if let Some(record) = letter.and_then(|letter| record(letter, tag)) {
                records.push(record);
                put_back.add(*number, *number);
            }
        }
        if !records.is_empty() {
            journal.append(records).await?;
        }
    }
    Ok(put_back)
}

/// `None` for an event that could not be read when it died.
fn record(letter: DeadLetter, tag: &str) -> Option<NewRecord> {
    let Value::Object(fields) = letter.event else { return None };
    let received_at = Timestamp::now();
    let event = Event::new(Object::from(&fields)).ok()?;
    let accepted = Accepted::new(received_at, SOURCE, letter.brought_by, event).only_for(tag);
    let payload = Bytes::from(accepted.to_json());
    // Its `messageId` was accepted before, which is no reason to leave it out.
    Some(NewRecord { received_at_ms: received_at.as_millisecond(), key: Key::NONE, payload })
}
