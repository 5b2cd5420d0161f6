//! How events ended, and what was sent for them: found by going through the logs from the time of the first of them.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tagyard_pipeline::outcome::Outcome;

use super::{History, HistoryError, Part, Span, Walk};
use crate::outcomes::{ReadRun, Recorded};
use crate::sent::Sent;

/// How many events are put together with their outcomes at once, and how many bytes of them. Each chunk goes through the outcomes
/// anew, so a chunk is large; with ten tags it holds some 100 MB.
pub const CHUNK_EVENTS: usize = 32_768;
pub const CHUNK_BYTES: usize = 64 << 20;

/// How an event ended for a tag, the last time that it ran.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ending {
    pub at: Timestamp,
    #[serde(flatten)]
    pub outcome: Outcome,
    pub attempts: u32,
    /// How often it has ended: more than once where it was run again.
    pub runs: u32,
}

/// The endings of some events, by event and tag.
#[derive(Default)]
pub struct Endings(BTreeMap<u64, BTreeMap<String, Ending>>);

impl Endings {
    /// Of the events at these positions, the first of which was received at `received`; for one tag, or for all of them.
    ///
    /// # Errors
    /// When the outcomes cannot be read.
    pub async fn of(
        history: &History,
        positions: RangeInclusive<u64>,
        received: Timestamp,
        tag: Option<&str>,
    ) -> Result<Self, HistoryError> {
        let mut endings = Endings::default();
        outcomes(history, positions, received, tag, |recorded| endings.add(recorded)).await?;
        Ok(endings)
    }

    /// The endings of one event; each is given once.
    pub fn take(&mut self, position: u64) -> BTreeMap<String, Ending> {
        self.0.remove(&position).unwrap_or_default()
    }

    /// Adds one, which is later than those before it.
    pub fn add(&mut self, recorded: Recorded) {
        let Recorded { at, tag, position, outcome, attempts, .. } = recorded;
        let tags = self.0.entry(position).or_default();
        let runs = tags.get(&tag).map_or(0, |before| before.runs) + 1;
        tags.insert(tag, Ending { at, outcome, attempts, runs });
    }
}

/// Gives `found` each outcome of the events at these positions, in the order in which they ended.
///
/// # Errors
/// When the outcomes cannot be read.
pub async fn outcomes(
    history: &History,
    positions: RangeInclusive<u64>,
    received: Timestamp,
    tag: Option<&str>,
    mut found: impl FnMut(Recorded),
) -> Result<(), HistoryError> {
    #[derive(Deserialize)]
    struct About<'r> {
        position: u64,
        #[serde(default, borrow)]
        more: Option<&'r RawValue>,
    }
    let mut walk = after(history, Part::Outcomes, received).await?;
    while let Some(entry) = walk.next().await? {
        // Most are of other events, and this much of one is quickly read.
        let about = serde_json::from_slice::<About<'_>>(&entry.payload);
        let may_be = |about: About<'_>| {
            positions.contains(&about.position) || (about.more.is_some() && about.position <= *positions.end())
        };
        if about.is_ok_and(may_be)
            && let Ok(run) = serde_json::from_slice::<ReadRun>(&entry.payload)
            && tag.is_none_or(|tag| run.tag() == tag)
        {
            run.each().filter(|recorded| positions.contains(&recorded.position)).for_each(&mut found);
        }
    }
    Ok(())
}

/// Gives `found` each request that carried one of the events at these positions, in the order in which they ended, with its own
/// position in the log of what was sent.
///
/// # Errors
/// When the log cannot be read.
pub async fn sent(
    history: &History,
    positions: RangeInclusive<u64>,
    received: Timestamp,
    tag: Option<&str>,
    mut found: impl FnMut(u64, Sent),
) -> Result<(), HistoryError> {
    #[derive(Deserialize)]
    struct About {
        events: Vec<u64>,
    }
    let mut walk = after(history, Part::Sent, received).await?;
    while let Some(entry) = walk.next().await? {
        let about = serde_json::from_slice::<About>(&entry.payload);
        if about.is_ok_and(|about| about.events.iter().any(|event| positions.contains(event)))
            && let Ok(sent) = serde_json::from_slice::<Sent>(&entry.payload)
            && tag.is_none_or(|tag| sent.tag == tag)
        {
            found(entry.position, sent);
        }
    }
    Ok(())
}

/// Nothing of an event ends before it was received.
async fn after(history: &History, part: Part, received: Timestamp) -> Result<Walk<'_>, HistoryError> {
    let since = received.checked_sub(super::CLOCK_SLACK).unwrap_or(Timestamp::MIN);
    Walk::new(history, part, Span { since: Some(since), until: None }).await
}
