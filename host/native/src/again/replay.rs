//! Running past events again for one tag.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AgainError;
use crate::journal::{EventJournal, Journal, Ranges, ReadError, ReadLimit};
use crate::outcomes::{Recorder, Rerun};

/// Which events, for which tag.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Span {
    pub tag: String,
    /// Those that were received at this time or later, before `until`.
    pub since: Timestamp,
    pub until: Option<Timestamp>,
}

/// What a replay did.
#[derive(Debug, Deserialize, Serialize)]
pub struct Replayed {
    /// Events that are run again.
    pub events: u64,
    /// Events of the span that the tag has not come to or has in work: they are run in any case.
    pub under_way: u64,
    /// When the journal's first event was received, where those before it, which may be of the span, have been let go.
    pub begins: Option<Timestamp>,
    /// How the tag was doing with what it runs again, before that.
    pub before: Rerun,
}

/// Runs the events of a span again for a tag, also those from before the tag was there. Returns when that is on disk.
///
/// # Errors
/// When there is no such tag, or the disk does not take it.
pub async fn replay(journal: &EventJournal, recorder: &Recorder, span: Span) -> Result<Replayed, AgainError> {
    let progress = recorder.progress();
    let Some(next) = progress.iter().find(|progress| progress.tag == span.tag).map(|progress| progress.next) else {
        let known = progress.into_iter().map(|progress| format!("`{}`", progress.tag)).collect();
        return Err(AgainError::NoTag { tag: span.tag, known });
    };
    let before = recorder.reruns().get(&span.tag).copied().unwrap_or_default();
    let first = first_since(journal, span.since).await?;
    let end = match span.until {
        Some(until) => first_since(journal, until).await?.max(first),
        None => journal.log().durable_position() + 1,
    };
    let mut wanted = Ranges::default();
    wanted.add(first, end.min(next).saturating_sub(1));
    let count = wanted.count();
    let runs = recorder.run_again(&BTreeMap::from([(span.tag.clone(), wanted)])).await?;
    let events = runs.get(&span.tag).map_or(0, Ranges::count);
    let oldest = journal.read_from(1, ONE).await?.first().and_then(|record| time(record.received_at_ms));
    Ok(Replayed {
        events,
        under_way: end.saturating_sub(first.max(next)) + (count - events),
        begins: oldest.filter(|oldest| *oldest > span.since && journal.oldest_position() > 1),
        before,
    })
}

const ONE: ReadLimit = ReadLimit { records: 1, bytes: 1 };

/// The first event that was received at a time or later; the journal's end, if none was. Events lie in the order in which they
/// were received, but for the few milliseconds that they overtake each other by, so thirty looks find it among a billion.
async fn first_since(journal: &EventJournal, at: Timestamp) -> Result<u64, ReadError> {
    let (mut low, mut high) = (journal.oldest_position(), journal.log().durable_position() + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match journal.read_from(middle, ONE).await?.first() {
            Some(record) if record.received_at_ms < at.as_millisecond() => low = record.position + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

fn time(ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(ms).ok()
}
