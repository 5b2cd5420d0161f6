//! Sends what a call asks for: those of different users side by side, those of one user one after the other. Nothing is tried again
//! here: that is the collector's, which has the event in its store.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use tagyard_pipeline::permit::Permitted;
use tagyard_pipeline::remote::{Call, Sent, Tally, fingerprint};
use tagyard_pipeline::retry::Verdict;
use tagyard_pipeline::secrets::{mask, seal};

use crate::secrets::Variables;
use crate::wire::{Divert, OnTheWire, Undone};

/// Requests of one call that are on the wire at once; each takes a connection of the few that a platform gives an instance.
const AT_ONCE: usize = 8;

/// Failures in a row after which the vendor counts as down, and the rest of the call is left for later.
const DOWN_AFTER: usize = 5;

pub(crate) fn deliver(call: &Call, requests: &[Permitted], tally: &mut Tally) {
    let secrets = Variables::read(call);
    let divert = match Divert::read() {
        Ok(divert) => divert,
        Err(problem) => {
            let sent = Sent::Again { reason: problem, answer: None };
            return requests.iter().for_each(|request| tally.add(request, "", &sent));
        }
    };
    let timeout = Duration::from_secs(call.timeout_seconds.into());
    // Whoever waits for this call waits twice as long.
    let last_start = Instant::now() + timeout;
    let (mut rest, mut failures) = (requests, 0);
    while !rest.is_empty() {
        let (wave, later) = rest.split_at(side_by_side(call, rest));
        rest = later;
        let left = match (failures >= DOWN_AFTER, Instant::now() >= last_start) {
            (true, _) => Some("it was left for later, as the requests before it had failed"),
            (_, true) => Some("it was left for later, as the requests before it had taken long"),
            _ => None,
        };
        let begin = |request| match left {
            Some(reason) => Begun::Done(Sent::Again { reason: reason.to_owned(), answer: None }),
            None => begin(call, request, &secrets, divert.as_ref(), timeout),
        };
        let begun: Vec<Begun> = wave.iter().map(begin).collect();
        for (request, begun) in wave.iter().zip(begun) {
            let sent = match begun {
                Begun::Done(sent) => sent,
                Begun::Sending(on_the_wire) => end(on_the_wire, request, &secrets),
            };
            failures = if matches!(sent, Sent::Again { .. }) { failures + 1 } else { 0 };
            tally.add(request, &fingerprint(request), &sent);
        }
    }
}

/// A request that has set out, or that does not.
enum Begun {
    Done(Sent),
    Sending(OnTheWire),
}

fn begin(call: &Call, request: &Permitted, secrets: &Variables, divert: Option<&Divert>, timeout: Duration) -> Begun {
    let print = fingerprint(request);
    let mut carried = request.events().iter().filter_map(|event| call.events.get(*event as usize));
    if carried.all(|item| item.done.contains(&print)) {
        return Begun::Done(Sent::Delivered);
    }
    let refused = |reason| Begun::Done(Sent::Refused { reason, answer: None, content: false });
    let sealed = match seal(request, secrets, SystemTime::now()) {
        Ok(sealed) => sealed,
        Err(error) => return refused(error.to_string()),
    };
    match OnTheWire::send(sealed, divert, timeout) {
        Ok(on_the_wire) => Begun::Sending(on_the_wire),
        Err(undone) => Begun::Done(undone.into()),
    }
}

fn end(on_the_wire: OnTheWire, request: &Permitted, secrets: &Variables) -> Sent {
    let answer = match on_the_wire.answer(|text| mask(text, request, secrets)) {
        Ok(answer) => answer,
        Err(undone) => return undone.into(),
    };
    let reason = answer.to_string();
    match answer.judge() {
        Verdict::Accepted => Sent::Delivered,
        Verdict::Again { .. } => Sent::Again { reason, answer: Some(answer) },
        Verdict::Refused { content } => Sent::Refused { reason, answer: Some(answer), content },
    }
}

impl From<Undone> for Sent {
    fn from(undone: Undone) -> Self {
        match undone {
            Undone::Again(reason) => Sent::Again { reason, answer: None },
            Undone::Finally(reason) => Sent::Refused { reason, answer: None, content: false },
        }
    }
}

/// How many of the next requests may go at once: as long as no two of them carry events of one user.
fn side_by_side(call: &Call, requests: &[Permitted]) -> usize {
    let mut users = BTreeSet::new();
    let alone = |request: &&Permitted| {
        let own: BTreeSet<u32> =
            request.events().iter().filter_map(|event| Some(call.events.get(*event as usize)?.user)).collect();
        let is_alone = users.is_disjoint(&own);
        users.extend(own);
        is_alone
    };
    requests.iter().take(AT_ONCE).take_while(alone).count().max(1)
}
