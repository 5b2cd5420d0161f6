//! What was sent then beside what would be sent now.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use tagyard_pipeline::outcome::{Cause, Outcome};

use super::changes::{Change, MAX_CHANGES, changes};
use super::now::Now;
use crate::history::{Ending, PastEvent, Unreadable};
use crate::sent::{Sent, SentRequest};

/// How an event, or some that shared a request, would fare.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Same,
    Changed,
    OnlyThen,
    OnlyNow,
    /// Nothing was sent, and nothing would be.
    Neither,
    /// Something was sent, and it is not known what: the record of it is gone, or was not made.
    Unknown,
}

/// An event, or some that shared a request, then and now.
#[derive(Debug, Serialize)]
pub struct Compared {
    pub verdict: Verdict,
    /// Positions in the journal, and the events' own ids.
    pub events: Vec<u64>,
    pub message_ids: Vec<String>,
    /// What the first of them is.
    #[serde(skip)]
    pub title: String,
    /// Requests that are the same.
    pub same: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<ChangedRequest>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only_then: Vec<Sent>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only_now: Vec<SentRequest>,
    /// Why not more was sent then, and would be now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsent_then: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsent_now: Vec<String>,
}

/// A request that would be another one today.
#[derive(Debug, Serialize)]
pub struct ChangedRequest {
    pub method: String,
    pub url: String,
    /// Why the vendor did not get it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_then: Option<String>,
    pub changes: Vec<Change>,
    /// Changes beyond those that are listed.
    pub further: usize,
}

/// Both sides.
pub(super) struct Sides<'s> {
    pub(super) events: &'s [Result<PastEvent, Unreadable>],
    pub(super) sent: Vec<Sent>,
    pub(super) ending: Option<Ending>,
    pub(super) now: Now,
}

/// The most reasons that are given for what is not sent now; those of a batch are mostly the same.
const MAX_REASONS: usize = 10;

pub(super) fn compare(sides: Sides<'_>) -> Compared {
    let Sides { events, sent, ending, now } = sides;
    let ids = |event: &Result<PastEvent, Unreadable>| match event {
        Ok(past) => (past.position, past.event.message_id().to_owned()),
        Err(unreadable) => (unreadable.position, String::new()),
    };
    let title = events.first().and_then(|event| event.as_ref().ok()).map(PastEvent::title);
    let (positions, message_ids) = events.iter().map(ids).unzip();
    let was_sent = ending.as_ref().is_some_and(|ending| {
        matches!(ending.outcome, Outcome::Delivered | Outcome::DeadLetter { cause: Cause::Undeliverable, .. })
    });
    let verdict = match (sent.is_empty(), now.requests.is_empty()) {
        (true, _) if was_sent => Verdict::Unknown,
        (true, true) => Verdict::Neither,
        (true, false) => Verdict::OnlyNow,
        (false, true) => Verdict::OnlyThen,
        (false, false) => Verdict::Same,
    };
    let mut unsent_now = now.unsent;
    unsent_now.sort_unstable();
    unsent_now.dedup();
    unsent_now.truncate(MAX_REASONS);
    let unsent_then = ending.filter(|_| sent.is_empty()).map(|ending| match ending.outcome.reason() {
        Some(reason) => format!("{}: {reason}", ending.outcome.name().replace('_', " ")),
        None => ending.outcome.name().to_owned(),
    });
    let paired = pair(sent, now.requests);
    let has_changed = !paired.changed.is_empty() || !paired.only_then.is_empty() || !paired.only_now.is_empty();
    Compared {
        verdict: if verdict == Verdict::Same && has_changed { Verdict::Changed } else { verdict },
        events: positions,
        message_ids,
        title: title.unwrap_or_default(),
        same: paired.same,
        changed: paired.changed,
        only_then: paired.only_then,
        only_now: paired.only_now.into_iter().map(|(_, request)| request).collect(),
        unsent_then,
        unsent_now,
    }
}

type Today = (Vec<u64>, SentRequest);

#[derive(Default)]
struct Paired {
    same: usize,
    changed: Vec<ChangedRequest>,
    only_then: Vec<Sent>,
    only_now: Vec<Today>,
}

/// Puts beside each request of then the one of now that is most like it: the same in all, or to the same place with the same
/// events, or with the same events, or any.
fn pair(then: Vec<Sent>, now: Vec<Today>) -> Paired {
    let mut paired = Paired { only_then: then, only_now: now, ..Paired::default() };
    let place = |request: &SentRequest| {
        let url = request.url.split('?').next().unwrap_or_default();
        format!("{} {url}", request.method)
    };
    paired.pass(|events, request| (sorted(events), fingerprint(request)));
    paired.pass(|events, request| (sorted(events), place(request)));
    paired.pass(|events, _| sorted(events));
    paired.pass(|_, request| place(request));
    paired.pass(|_, _| ());
    paired
}

impl Paired {
    /// Pairs what has the same key, in order.
    fn pass<K: Ord>(&mut self, key: impl Fn(&[u64], &SentRequest) -> K) {
        let mut waiting: BTreeMap<K, VecDeque<Today>> = BTreeMap::new();
        for (events, request) in std::mem::take(&mut self.only_now) {
            waiting.entry(key(&events, &request)).or_default().push_back((events, request));
        }
        for then in std::mem::take(&mut self.only_then) {
            let now = waiting.get_mut(&key(&then.events, &then.request)).and_then(VecDeque::pop_front);
            match now {
                Some(now) => self.put(then, now),
                None => self.only_then.push(then),
            }
        }
        self.only_now = waiting.into_values().flatten().collect();
    }

    fn put(&mut self, then: Sent, (events, request): Today) {
        let mut found = changes(&then.request, &request);
        let (before, after) = (sorted(&then.events), sorted(&events));
        if before != after {
            found.insert(0, Change::new("events", Some(before.into()), Some(after.into())));
        }
        if found.is_empty() {
            self.same += 1;
            return;
        }
        let further = found.len().saturating_sub(MAX_CHANGES);
        found.truncate(MAX_CHANGES);
        let (method, url, failed_then) = (then.request.method, then.request.url, then.failed);
        self.changed.push(ChangedRequest { method, url, failed_then, changes: found, further });
    }
}

fn sorted(events: &[u64]) -> Vec<u64> {
    let mut events = events.to_vec();
    events.sort_unstable();
    events
}

/// The same for requests of which nothing differs.
fn fingerprint(request: &SentRequest) -> String {
    let mut headers = request.headers.clone();
    headers.sort_unstable();
    let body = request.body.json().unwrap_or_else(|| serde_json::json!(request.body));
    serde_json::json!([request.method, request.url, headers, body]).to_string()
}
