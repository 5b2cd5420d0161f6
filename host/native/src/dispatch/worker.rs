//! The worker of one tag: reads the journal, decides for each event, and keeps batches going.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::SystemTime;

use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::outcome::{Cause, Outcome};
use tagyard_pipeline::plan::Decision;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::batch::{Item, Stage};
use super::lanes::{Freed, Lanes};
use super::reading::{Found, Next, Reading};
use crate::decoded::Decoded;
use crate::journal::EventJournal;
use crate::limits::{BATCH_LINGER, BUSY_EVENTS, BUSY_REST, TAG_BATCHES, TAG_BYTES, TAG_EVENTS};
use crate::person::FORGOTTEN;

/// Why a tag does not run for an event that came back for another one.
const KEPT_FROM: &str = "it was put back into the journal for another tag's dead letter";

pub(super) struct Worker {
    stage: Arc<Stage>,
    reading: Reading,
    decoded: Arc<Decoded>,
    lanes: Lanes,
    batches: JoinSet<()>,
    /// Where the batches give back their events' places. It never fills: a place is given back once, and so many are held at most.
    free: mpsc::Sender<Freed>,
    freed: mpsc::Receiver<Freed>,
}

impl Worker {
    pub(super) fn new(stage: Arc<Stage>, journal: EventJournal, decoded: Arc<Decoded>) -> Self {
        let reading = Reading::new(&stage.tag.name, stage.recorder.clone(), journal);
        let (free, freed) = mpsc::channel(TAG_EVENTS);
        let (lanes, batches) = (Lanes::default(), JoinSet::new());
        Worker { stage, reading, decoded, lanes, batches, free, freed }
    }

    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let (mut durable, mut marks) = self.reading.subscribe();
        loop {
            durable.mark_unchanged();
            marks.mark_unchanged();
            // Whatever admitting waits for, a stop ends it: what was begun is passed over again by the next worker.
            let Admitted { events, starved } = tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                admitted = self.admit() => admitted,
            };
            let rest = (starved && events >= BUSY_EVENTS).then(|| Instant::now() + BUSY_REST);
            let linger = self.start_batches();
            tokio::select! {
                Some(freed) = self.freed.recv() => self.release(&freed),
                Some(ended) = self.batches.join_next() => self.look_at(ended),
                changed = durable.changed(), if starved && rest.is_none() => if changed.is_err() { break },
                Ok(()) = marks.changed(), if starved => {}
                () = sleep_until(rest), if rest.is_some() => {}
                () = sleep_until(linger), if linger.is_some() => {}
                () = stopped(&mut stop) => break,
            }
        }
        while let Some(ended) = self.batches.join_next().await {
            self.look_at(ended);
        }
    }

    /// Takes events from the journal while there is room.
    async fn admit(&mut self) -> Admitted {
        let mut events = 0;
        loop {
            let (held, bytes) = self.lanes.held();
            if held >= TAG_EVENTS || bytes >= TAG_BYTES {
                return Admitted { events, starved: false };
            }
            match self.reading.next().await {
                Next::Run(found) => self.decide(found).await,
                Next::Full => return Admitted { events, starved: false },
                Next::End => return Admitted { events, starved: true },
            }
            events += 1;
        }
    }

    async fn decide(&mut self, Found { record, again }: Found) {
        if record.is_removed() {
            let outcome = Outcome::Skipped { reason: FORGOTTEN.to_owned() };
            return self.stage.record_unrun(&record, "", outcome, again).await;
        }
        let accepted = match self.decoded.decode(&record.payload) {
            Ok(accepted) => accepted,
            Err(error) => {
                let outcome = Outcome::DeadLetter { cause: Cause::Invalid, reason: error.to_string() };
                return self.stage.record_unrun(&record, "", outcome, again).await;
            }
        };
        let event = &accepted.event;
        if accepted.is_kept_from(&self.stage.tag.name) {
            let outcome = Outcome::NotTriggered { reason: KEPT_FROM.to_owned() };
            return self.stage.record_unrun(&record, event.message_id(), outcome, again).await;
        }
        let again = again || accepted.only.is_some();
        let outcome = match self.stage.tag.plan.decide(&accepted) {
            Decision::NotTriggered(clause) => Outcome::NotTriggered { reason: clause.to_string() },
            Decision::BlockedByConsent(missing) => Outcome::BlockedByConsent { reason: missing.to_string() },
            Decision::Filtered(filtered) => Outcome::Skipped { reason: filtered.to_string() },
            Decision::Run(redacted) => {
                let message_id = event.message_id().to_owned();
                let again = again.then(SystemTime::now);
                // Where order is of no matter, each event is like a user of its own.
                let user = if self.stage.tag.ordered { user_of(&accepted) } else { record.position };
                self.lanes.admit(Item { user, message_id, redacted, record, again });
                return;
            }
        };
        self.stage.record_unrun(&record, event.message_id(), outcome, again).await;
    }

    /// Starts what can be started. Returns when an unfilled batch has waited long enough.
    fn start_batches(&mut self) -> Option<Instant> {
        let tag = &self.stage.tag;
        while self.lanes.ready() > 0 && self.batches.len() < TAG_BATCHES {
            let due = self.lanes.ready_since().map(|since| since + BATCH_LINGER);
            if self.lanes.ready() < tag.max_batch && due.is_some_and(|due| due > Instant::now()) {
                return due;
            }
            let items = self.lanes.take(tag.max_batch, tag.batch_bytes());
            let (stage, free) = (self.stage.clone(), self.free.clone());
            self.batches.spawn(async move { stage.run(&items, &free).await });
        }
        None
    }

    fn release(&mut self, freed: &Freed) {
        self.lanes.free(freed);
        while let Ok(freed) = self.freed.try_recv() {
            self.lanes.free(&freed);
        }
    }

    fn look_at(&self, ended: Result<(), JoinError>) {
        // Its users' later events wait for the next start, which runs what has no outcome again.
        if ended.is_err() {
            tracing::error!(tag = self.stage.tag.name, "a batch panicked; its events stay in the journal");
        }
    }
}

/// What a look into the journal gave.
struct Admitted {
    events: usize,
    /// Whether there were no more.
    starved: bool,
}

fn user_of(accepted: &Accepted) -> u64 {
    let mut hasher = DefaultHasher::new();
    accepted.event.user().hash(&mut hasher);
    hasher.finish()
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A dispatcher that is gone has stopped.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn sleep_until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline).await;
    }
}
