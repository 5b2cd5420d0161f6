//! One batch of a tag: sandbox, permit, delivery, and the outcome of every event in it.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::outcome::{Cause, Outcome};
use tagyard_pipeline::output::LogLine;
use tagyard_pipeline::permit::Permitted;
use tagyard_pipeline::redact::Redacted;
use tagyard_pipeline::request::Request;
use tokio::sync::mpsc;

use crate::dead_letters::{DeadLetter, ShownRequest};
use crate::deliver::{Delivered, Deliverer, Undelivered, Undone};
use crate::journal::Record;
use crate::outcomes::{Ended, Recorded, Recorder};
use crate::sandbox::CallError;
use crate::sent::Sent;
use crate::tag::{GuestEnd, Ran, Tag};

use super::lanes::Freed;

/// An event on its way through one tag.
pub(super) struct Item {
    pub(super) record: Arc<Record>,
    pub(super) message_id: String,
    /// Events of one user go one after the other.
    pub(super) user: u64,
    pub(super) redacted: Redacted,
    /// When it was begun again, for one that had an outcome.
    pub(super) again: Option<SystemTime>,
}

/// What a tag's batches have in common.
pub(super) struct Stage {
    pub(super) tag: Arc<Tag>,
    pub(super) recorder: Recorder,
    deliverer: Arc<Deliverer>,
}

/// How one event of a batch ended.
enum End {
    Outcome(Outcome, Option<Box<Failed>>, u32),
    /// Its outcome has been recorded.
    Recorded,
    /// The container is stopping: the event stays in the journal.
    Abandoned,
}

/// What the dead letter adds to the reason.
struct Failed {
    request: ShownRequest,
    undelivered: Undelivered,
}

impl Item {
    pub(super) fn bytes(&self) -> usize {
        self.redacted.len() + self.record.payload.len()
    }

    #[cfg(test)]
    pub(super) fn for_test(position: u64, user: u64) -> Self {
        let payload = bytes::Bytes::new();
        let record = Record { position, received_at_ms: 0, key: crate::journal::Key::NONE, payload };
        let redacted = Redacted::new(&serde_json::Map::new(), &Default::default());
        Item { record: Arc::new(record), message_id: String::new(), user, redacted, again: None }
    }

    /// When the age of its deliveries begins: as it was accepted, or begun again, which may be weeks later.
    fn since(&self) -> SystemTime {
        if let Some(again) = self.again {
            return again;
        }
        let millis = u64::try_from(self.record.received_at_ms).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }
}

impl Stage {
    pub(super) fn new(tag: Arc<Tag>, recorder: Recorder, deliverer: Arc<Deliverer>) -> Self {
        Stage { tag, recorder, deliverer }
    }

    /// Runs a batch to its end. Each event's outcome is recorded, and its place in its lane freed, as soon as it is known.
    pub(super) async fn run(&self, items: &[Item], freed: &mpsc::Sender<Freed>) {
        let ends = self.attempt(items.iter().collect(), freed).await;
        for (item, end) in items.iter().zip(ends) {
            self.end(item, end, freed).await;
        }
    }

    /// An event that was abandoned keeps its place: the later ones of its user must not overtake it.
    async fn end(&self, item: &Item, end: End, freed: &mpsc::Sender<Freed>) -> End {
        let End::Outcome(outcome, failed, attempts) = end else { return end };
        self.record(&item.record, &item.message_id, outcome, failed, attempts, item.again.is_some()).await;
        // A worker that is gone has no more use for it.
        let _ = freed.send(Freed::of(item)).await;
        End::Recorded
    }

    /// Records the outcome of an event that was not run.
    pub(super) async fn record_unrun(&self, record: &Record, message_id: &str, outcome: Outcome, again: bool) {
        self.record(record, message_id, outcome, None, 0, again).await;
    }

    async fn record(
        &self,
        record: &Record,
        message_id: &str,
        outcome: Outcome,
        failed: Option<Box<Failed>>,
        attempts: u32,
        again: bool,
    ) {
        let at = Timestamp::now();
        let letter = match &outcome {
            Outcome::DeadLetter { cause, reason } => {
                let (event, brought_by) = event_of(record);
                Some(Box::new(DeadLetter {
                    at,
                    tag: Some(self.tag.name.clone()),
                    position: Some(record.position),
                    cause: *cause,
                    reason: reason.clone(),
                    event,
                    brought_by,
                    attempts,
                    answer: failed.as_ref().and_then(|failed| failed.undelivered.answer.clone()).map(Into::into),
                    request: failed.map(|failed| failed.request),
                }))
            }
            _ => None,
        };
        if let Outcome::DeadLetter { cause, reason } = &outcome {
            let reason = match cause {
                // A guest's own words may hold anything of an event. The dead letter has them; a log has other readers.
                Cause::Rejected | Cause::Failed => "the dead letter says it",
                Cause::Invalid | Cause::Refused | Cause::Undeliverable => reason,
            };
            tracing::warn!(tag = self.tag.name, position = record.position, %cause, reason, "dead letter");
        }
        let (tag, message_id) = (self.tag.name.clone(), message_id.to_owned());
        let recorded = Recorded { at, tag, position: record.position, message_id, outcome, attempts, again };
        self.recorder.record(Ended { recorded, letter }).await;
    }

    /// Calls the tag and delivers. A call, or a request, that fails with several events is split until the one to blame stands alone.
    fn attempt<'s>(
        &'s self,
        items: Vec<&'s Item>,
        freed: &'s mpsc::Sender<Freed>,
    ) -> Pin<Box<dyn Future<Output = Vec<End>> + Send + 's>> {
        Box::pin(async move {
            let events = items.iter().map(|item| item.redacted.clone()).collect();
            let result = tokio::select! {
                biased;
                // A call has no effect but its result, so it can be left at any point.
                () = self.deliverer.stopped() => Err(CallError::Stopped),
                result = self.tag.run(events) => result,
            };
            match result {
                Ok(ran) => self.deliver(items, ran, freed).await,
                Err(CallError::Stopped) => items.iter().map(|_| End::Abandoned).collect(),
                Err(error) if items.len() > 1 && error.may_be_of_one_event() => self.split(items, freed).await,
                Err(error) => items.iter().map(|_| End::dead(Cause::Failed, error.to_string())).collect(),
            }
        })
    }

    async fn split(&self, mut items: Vec<&Item>, freed: &mpsc::Sender<Freed>) -> Vec<End> {
        let right = items.split_off(items.len() / 2);
        let mut ends = Vec::with_capacity(items.len() + right.len());
        for half in [items, right] {
            for (item, end) in half.iter().zip(self.attempt(half.clone(), freed).await) {
                ends.push(self.end(item, end, freed).await);
            }
        }
        ends
    }

    async fn deliver(&self, items: Vec<&Item>, mut ran: Ran, freed: &mpsc::Sender<Freed>) -> Vec<End> {
        self.pass_on(&ran.log);
        let mut ends: Vec<Option<End>> = items.iter().map(|_| None).collect();
        for (event, end) in std::mem::take(&mut ran.ended) {
            ends[event].get_or_insert(match end {
                GuestEnd::Skipped(reason) => End::Outcome(Outcome::Skipped { reason }, None, 0),
                GuestEnd::Dead(cause, reason) => End::dead(cause, reason),
            });
        }
        let mut again = BTreeSet::new();
        let call = Sent::new_call();
        let chains = chains(&items, &ran.permitted);
        self.end_all(&items, &mut ends, &uncarried(items.len(), &ran.permitted), freed).await;
        let of = &items;
        let running = chains.iter().map(|chain| async move { (chain, self.deliver_chain(call, of, chain).await) });
        let mut running: FuturesUnordered<_> = running.collect();
        while let Some((chain, results)) = running.next().await {
            let mut ended = BTreeSet::new();
            for (request, result) in chain.iter().zip(results) {
                let carried = request.events().iter().map(|event| *event as usize);
                ended.extend(carried.clone());
                match result {
                    Ok(delivered) => carried.for_each(|event| delivered_too(&mut ends[event], delivered.attempts)),
                    Err(Undone::Undelivered(undelivered))
                        if undelivered.refused_content && request.events().len() > 1 =>
                    {
                        again.extend(carried);
                    }
                    Err(Undone::Undelivered(undelivered)) => {
                        carried.for_each(|event| undelivered_too(&mut ends[event], request, &undelivered));
                    }
                    Err(Undone::Stopped) => carried.for_each(|event| ends[event] = Some(End::Abandoned)),
                }
            }
            // Now, not when the batch has ended: another user's request may be tried again for days.
            let ended: Vec<usize> = ended.difference(&again).copied().collect();
            self.end_all(&items, &mut ends, &ended, freed).await;
        }
        drop(running);
        let again: Vec<usize> =
            again.into_iter().filter(|event| !matches!(&ends[*event], Some(end) if end.is_dead())).collect();
        if !again.is_empty() {
            // The room that it takes is what the calls of its parts wait for.
            drop(ran);
            let retried = self.split(again.iter().map(|event| items[*event]).collect(), freed).await;
            again.into_iter().zip(retried).for_each(|(event, end)| ends[event] = Some(end));
        }
        let silent =
            || End::Outcome(Outcome::Skipped { reason: "the tag returned nothing for it".to_owned() }, None, 0);
        ends.into_iter().map(|end| end.unwrap_or_else(silent)).collect()
    }

    /// Ends those of the events whose end is known.
    async fn end_all(&self, items: &[&Item], ends: &mut [Option<End>], events: &[usize], freed: &mpsc::Sender<Freed>) {
        for event in events {
            if let Some(end) = ends[*event].take_if(|end| matches!(end, End::Outcome(..))) {
                ends[*event] = Some(self.end(items[*event], end, freed).await);
            }
        }
    }

    /// Sends one request after the other.
    async fn deliver_chain(&self, call: u64, items: &[&Item], chain: &[&Permitted]) -> Vec<Result<Delivered, Undone>> {
        let mut results = Vec::with_capacity(chain.len());
        for request in chain {
            if results.last() == Some(&Err(Undone::Stopped)) {
                // A later request of the user must not overtake the one that is left.
                results.push(Err(Undone::Stopped));
                continue;
            }
            let carried = || request.events().iter().filter_map(|event| items.get(*event as usize));
            let since = carried().map(|item| item.since()).max().unwrap_or_else(SystemTime::now);
            let result = self.deliverer.deliver(request, &self.tag.secrets, since, &self.tag.wire).await;
            let events = carried().map(|item| item.record.position).collect();
            if let Some(sent) = Sent::new(&self.tag.name, call, events, request, &result) {
                self.recorder.sent(sent);
            }
            results.push(result);
        }
        results
    }

    /// What a tag logs may hold anything of an event, so it is for debugging only.
    fn pass_on(&self, log: &[LogLine]) {
        for line in log {
            tracing::debug!(target: "tagyard::tag", tag = self.tag.name, level = ?line.level, "{}", line.message);
        }
    }
}

impl End {
    fn dead(cause: Cause, reason: String) -> Self {
        End::Outcome(Outcome::DeadLetter { cause, reason }, None, 0)
    }

    fn is_dead(&self) -> bool {
        matches!(self, End::Outcome(Outcome::DeadLetter { .. }, ..))
    }
}

/// The requests of a call in chains: those that carry events of one user go one after the other, so that the user's order holds
/// through retries; the others go side by side.
fn chains<'r>(items: &[&Item], requests: &'r [Permitted]) -> Vec<Vec<&'r Permitted>> {
    let mut chains: Vec<(BTreeSet<u64>, Vec<&Permitted>)> = Vec::new();
    for request in requests {
        let mut users: BTreeSet<u64> =
            request.events().iter().filter_map(|event| Some(items.get(*event as usize)?.user)).collect();
        let (shared, mut others): (Vec<_>, Vec<_>) =
            chains.into_iter().partition(|(theirs, _)| !theirs.is_disjoint(&users));
        let mut chain = Vec::new();
        for (theirs, requests) in shared {
            users.extend(theirs);
            chain.extend(requests);
        }
        chain.push(request);
        others.push((users, chain));
        chains = others;
    }
    chains.into_iter().map(|(_, chain)| chain).collect()
}

/// The events that no request carries.
fn uncarried(events: usize, requests: &[Permitted]) -> Vec<usize> {
    let carried: BTreeSet<usize> =
        requests.iter().flat_map(|request| request.events()).map(|event| *event as usize).collect();
    (0..events).filter(|event| !carried.contains(event)).collect()
}

/// An event is delivered when every request that carries it is.
fn delivered_too(end: &mut Option<End>, attempts: u32) {
    match end {
        None => *end = Some(End::Outcome(Outcome::Delivered, None, attempts)),
        Some(End::Outcome(Outcome::Delivered, _, before)) => *before = (*before).max(attempts),
        Some(_) => {}
    }
}

/// An event is dead when one request that carries it is; the first one is kept.
fn undelivered_too(end: &mut Option<End>, request: &Permitted, undelivered: &Undelivered) {
    if matches!(end, Some(End::Abandoned)) || end.as_ref().is_some_and(End::is_dead) {
        return;
    }
    let outcome = Outcome::DeadLetter { cause: Cause::Undeliverable, reason: undelivered.reason.clone() };
    let failed = Failed { request: ShownRequest::new(request), undelivered: undelivered.clone() };
    *end = Some(End::Outcome(outcome, Some(Box::new(failed)), undelivered.attempts));
}

/// The event as it lies in the journal, and what is kept of its request, for a dead letter.
fn event_of(record: &Record) -> (serde_json::Value, Request) {
    match Accepted::from_bytes(&record.payload) {
        Ok(accepted) => (serde_json::Value::Object(accepted.event.fields()), accepted.request),
        Err(_) => {
            (serde_json::Value::String(String::from_utf8_lossy(&record.payload).into_owned()), Request::default())
        }
    }
}
