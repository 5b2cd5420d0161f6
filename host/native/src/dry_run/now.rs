//! What today's tag makes of past events.

use tagyard_pipeline::plan::Decision;
use tagyard_pipeline::redact::Redacted;

use crate::history::{PastEvent, Unreadable};
use crate::sent::SentRequest;
use crate::tag::{GuestEnd, Ran, Tag};

/// Requests that would be sent, and why events would not be.
#[derive(Debug, Default)]
pub(super) struct Now {
    /// Each with the positions in the journal of the events that it carries.
    pub(super) requests: Vec<(Vec<u64>, SentRequest)>,
    pub(super) unsent: Vec<String>,
}

/// Runs events that shared a request as the same batch again, as far as the tag takes batches of that size today.
pub(super) async fn run(tag: &Tag, events: &[Result<PastEvent, Unreadable>]) -> Now {
    let mut now = Now::default();
    let mut batch: Vec<(u64, Redacted)> = Vec::new();
    for event in events {
        let past = match event {
            Ok(past) => past,
            Err(unreadable) => {
                now.unsent.push(unreadable.unreadable.clone());
                continue;
            }
        };
        if past.is_kept_from(&tag.name) {
            now.unsent.push("not triggered: it is for another tag alone".to_owned());
            continue;
        }
        match tag.plan.decide(&past.accepted()) {
            Decision::NotTriggered(clause) => now.unsent.push(format!("not triggered: {clause}")),
            Decision::BlockedByConsent(missing) => now.unsent.push(format!("blocked by consent: {missing}")),
            Decision::Filtered(filtered) => now.unsent.push(format!("skipped: {filtered}")),
            Decision::Run(redacted) => {
                let bytes: usize = batch.iter().map(|(_, redacted)| redacted.len()).sum();
                if batch.len() >= tag.max_batch || (!batch.is_empty() && bytes + redacted.len() > tag.batch_bytes()) {
                    call(tag, std::mem::take(&mut batch), &mut now).await;
                }
                batch.push((past.position, redacted));
            }
        }
    }
    if !batch.is_empty() {
        call(tag, batch, &mut now).await;
    }
    now
}

/// A call that fails with several events is tried with each alone, so that one of them does not stand for all.
async fn call(tag: &Tag, batch: Vec<(u64, Redacted)>, now: &mut Now) {
    let mut waiting = vec![batch];
    while let Some(batch) = waiting.pop() {
        let positions: Vec<u64> = batch.iter().map(|(position, _)| *position).collect();
        match tag.run(batch.iter().map(|(_, redacted)| redacted.clone()).collect()).await {
            Ok(ran) => now.take(&positions, ran),
            Err(error) if batch.len() > 1 && error.may_be_of_one_event() => {
                // The last is taken next.
                waiting.extend(batch.into_iter().rev().map(|one| vec![one]));
            }
            Err(error) => now.unsent.push(format!("failed: {error}")),
        }
    }
}

impl Now {
    fn take(&mut self, positions: &[u64], ran: Ran) {
        for request in &ran.permitted {
            let carried = request.events().iter().filter_map(|event| positions.get(*event as usize)).copied();
            self.requests.push((carried.collect(), SentRequest::new(request)));
        }
        self.unsent.extend(ran.ended.into_iter().map(|(_, end)| match end {
            GuestEnd::Skipped(reason) => format!("skipped: {reason}"),
            GuestEnd::Dead(cause, reason) => format!("{cause}: {reason}"),
        }));
    }
}
