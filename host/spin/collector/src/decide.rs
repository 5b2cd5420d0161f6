//! What each tag is to do with some events: decided before they are written down, so that what no tag runs for is never kept.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::time::SystemTime;

use tagyard_pipeline::outcome::Outcome;
use tagyard_pipeline::plan::Decision;
use tagyard_pipeline::redact::Redacted;

use crate::app::App;
use crate::record::{Past, Progress, Waiting, from_millis};
use crate::said::{self, Words};

/// Why a tag does not run for an event that came back for another one.
const KEPT_FROM: &str = "it was redriven for another tag's dead letter";

/// One event that a tag runs for.
#[derive(Clone, Debug)]
pub(crate) struct Todo {
    /// Its place among the events.
    pub(crate) event: usize,
    pub(crate) user: u64,
    pub(crate) redacted: Redacted,
    /// What came of it before.
    pub(crate) attempts: u32,
    pub(crate) broken: u32,
    pub(crate) past: Past,
}

/// What is to do, for each tag in the container's order.
pub(crate) struct Decided {
    pub(crate) tags: Vec<Vec<Todo>>,
}

/// Decides what has to be done now. What ends by that is recorded.
pub(crate) fn decide(app: &App, events: &mut [Waiting], now: SystemTime) -> Decided {
    let mut tags = Vec::with_capacity(app.tags.len());
    for tag in &app.tags {
        let mut todo = Vec::new();
        for (event, waiting) in events.iter_mut().enumerate() {
            let (attempts, broken, past) = match waiting.tags.get(&tag.name) {
                Some(Progress::Ended) => continue,
                Some(Progress::Again { at_ms, .. }) if from_millis(*at_ms) > now => continue,
                Some(Progress::Again { attempts, past, .. }) => (*attempts, 0, past.clone()),
                Some(Progress::Broken { times, attempts, past }) => (*attempts, *times, past.clone()),
                None => (0, 0, Past::default()),
            };
            let accepted = &waiting.accepted;
            let outcome = if accepted.is_kept_from(&tag.name) {
                Outcome::NotTriggered { reason: KEPT_FROM.to_owned() }
            } else {
                match tag.plan.decide(accepted) {
                    Decision::NotTriggered(clause) => Outcome::NotTriggered { reason: clause.to_string() },
                    Decision::BlockedByConsent(missing) => Outcome::BlockedByConsent { reason: missing.to_string() },
                    Decision::Filtered(filtered) => Outcome::Skipped { reason: filtered.to_string() },
                    Decision::Run(redacted) => {
                        // Where order is of no matter, each event is like a user of its own.
                        let user = if tag.is_ordered { user_of(waiting) } else { event as u64 };
                        todo.push(Todo { event, user, redacted, attempts, broken, past });
                        continue;
                    }
                }
            };
            let message_id = accepted.event.message_id();
            // For the others it ended before it was redriven.
            if !accepted.is_kept_from(&tag.name) {
                said::outcome(&tag.name, message_id, &outcome, Words::Ours, 0, accepted.only.is_some());
            }
            waiting.tags.insert(tag.name.clone(), Progress::Ended);
        }
        tags.push(if tag.is_ordered { by_user(todo) } else { todo });
    }
    Decided { tags }
}

impl Decided {
    /// Leaves out the events that no tag runs for.
    pub(crate) fn leave_out_idle(&mut self, events: &mut Vec<Waiting>) {
        let needed: BTreeSet<usize> = self.tags.iter().flatten().map(|todo| todo.event).collect();
        let mut event = 0..;
        events.retain(|_| event.next().is_some_and(|event| needed.contains(&event)));
        let places: BTreeMap<usize, usize> = needed.into_iter().zip(0..).collect();
        for todo in self.tags.iter_mut().flatten() {
            todo.event = places.get(&todo.event).copied().unwrap_or_default();
        }
    }
}

fn user_of(waiting: &Waiting) -> u64 {
    let mut hasher = DefaultHasher::new();
    waiting.accepted.event.user().hash(&mut hasher);
    hasher.finish()
}

/// Each user's events together, in their order, the users in the order of their first: as the native host's lanes give them out.
fn by_user(mut todo: Vec<Todo>) -> Vec<Todo> {
    let mut first: BTreeMap<u64, usize> = BTreeMap::new();
    for (at, todo) in todo.iter().enumerate() {
        first.entry(todo.user).or_insert(at);
    }
    todo.sort_by_key(|todo| first.get(&todo.user).copied());
    todo
}
