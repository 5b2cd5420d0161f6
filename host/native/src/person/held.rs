//! What else is held about a person: found by the positions of the events.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tagyard_pipeline::outcome::Outcome;

use super::{FORGOTTEN, Person};
use crate::history::{Entry, History, HistoryError, Part, Span, Walk};
use crate::journal::{Ranges, Traces};
use crate::outcomes::{ReadRun, Recorded};

/// Records of one log.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub records: Ranges,
    /// How many there are: a record of outcomes is of several events.
    count: u64,
    /// When the first and the last of them were made, in milliseconds since 1970.
    times: Option<(i64, i64)>,
}

/// What is held beside the events.
#[derive(Debug, Default)]
pub struct Held {
    pub letters: Found,
    /// Letters of others, whose request carried an event of this person too.
    pub shared_letters: Ranges,
    pub sent: Found,
    pub outcomes: Found,
    /// By tag: the events whose requests carried nobody else's, and those whose requests did.
    pub alone: BTreeMap<String, Ranges>,
    pub shared: BTreeMap<String, Ranges>,
}

/// How many records there were, and of which time.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Count {
    pub records: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Sent {
    tag: String,
    events: Vec<u64>,
}

#[derive(Deserialize)]
struct Letter<'r> {
    tag: Option<String>,
    position: Option<u64>,
    #[serde(default)]
    event: Value,
    #[serde(borrow, default)]
    request: Option<&'r RawValue>,
    #[serde(borrow, default)]
    answer: Option<&'r RawValue>,
}

impl Held {
    /// Goes through what was sent, the dead letters and the outcomes.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn find(history: &History, person: &Person, traces: &Traces) -> Result<Self, HistoryError> {
        let mut held = Held::default();
        held.find_sent(history, person, traces).await?;
        held.find_letters(history, person, traces).await?;
        held.find_outcomes(history, person).await?;
        Ok(held)
    }

    async fn find_sent(&mut self, history: &History, person: &Person, traces: &Traces) -> Result<(), HistoryError> {
        let mut walk = Walk::new(history, Part::Sent, Span::default()).await?;
        while let Some(entry) = walk.next().await? {
            let Ok(Sent { tag, events }) = serde_json::from_slice(&entry.payload) else { continue };
            let (mine, others): (Vec<u64>, Vec<u64>) =
                events.into_iter().partition(|event| person.events.contains(*event));
            // Only the request can say whose those were.
            let is_unknown = others.iter().any(|event| person.is_unknown(*event));
            if mine.is_empty() && !(is_unknown && traces.are_in(&entry.payload)) {
                continue;
            }
            self.sent.add(&entry);
            let kind = if others.is_empty() { &mut self.alone } else { &mut self.shared };
            let positions = kind.entry(tag).or_default();
            mine.into_iter().chain(others).for_each(|event| positions.add(event, event));
        }
        Ok(())
    }

    async fn find_letters(&mut self, history: &History, person: &Person, traces: &Traces) -> Result<(), HistoryError> {
        let mut walk = Walk::new(history, Part::DeadLetters, Span::default()).await?;
        while let Some(entry) = walk.next().await? {
            let Ok(Letter { tag, position, event, request, answer }) = serde_json::from_slice(&entry.payload) else {
                continue;
            };
            let at = |position: u64| person.events.contains(position);
            // What no source could take has its ids wherever its sender puts them.
            let is_raw = tag.is_none() && traces.are_in(event.to_string().as_bytes());
            if position.is_some_and(at) || person.is_in(&event) || is_raw {
                self.letters.add(&entry);
                continue;
            }
            let shared = tag.and_then(|tag| self.shared.get(&tag));
            let is_shared = shared.zip(position).is_some_and(|(shared, position)| shared.contains(position));
            let texts = [request, answer].into_iter().flatten();
            let has_request = request.is_some() || answer.is_some();
            if has_request && (is_shared || texts.into_iter().any(|text| traces.are_in(text.get().as_bytes()))) {
                self.shared_letters.add(entry.position, entry.position);
            }
        }
        Ok(())
    }

    async fn find_outcomes(&mut self, history: &History, person: &Person) -> Result<(), HistoryError> {
        #[derive(Deserialize)]
        struct About<'r> {
            position: u64,
            #[serde(default, borrow)]
            more: Option<&'r RawValue>,
        }
        let mut walk = Walk::new(history, Part::Outcomes, Span::default()).await?;
        while let Some(entry) = walk.next().await? {
            let about = serde_json::from_slice::<About<'_>>(&entry.payload);
            if about.is_ok_and(|about| about.more.is_some() || person.events.contains(about.position))
                && let Ok(run) = serde_json::from_slice::<ReadRun>(&entry.payload)
            {
                let mine = |recorded: &Recorded| person.events.contains(recorded.position) && !is_blank(recorded);
                self.outcomes.add_some(&entry, run.each().filter(mine).count() as u64);
            }
        }
        Ok(())
    }
}

/// Whether an outcome says nothing but how an event ended.
fn is_blank(recorded: &Recorded) -> bool {
    let is_of_container = matches!(recorded.outcome, Outcome::NotTriggered { .. });
    recorded.message_id.is_empty()
        && (is_of_container || recorded.outcome.reason().is_none_or(|reason| reason == FORGOTTEN))
}

impl Found {
    pub(super) fn add(&mut self, entry: &Entry) {
        self.add_some(entry, 1);
    }

    /// A record that counts as several, or as none.
    fn add_some(&mut self, entry: &Entry, count: u64) {
        if count == 0 {
            return;
        }
        self.count += count;
        self.records.add(entry.position, entry.position);
        let (first, last) = self.times.unwrap_or((entry.at_ms, entry.at_ms));
        self.times = Some((first.min(entry.at_ms), last.max(entry.at_ms)));
    }

    pub fn count(&self) -> Count {
        let time = |ms: i64| Timestamp::from_millisecond(ms).ok();
        Count {
            records: self.count,
            first: self.times.and_then(|(first, _)| time(first)),
            last: self.times.and_then(|(_, last)| time(last)),
        }
    }
}
