//! The worker of one tag: reads the journal, decides for each event, and keeps batches going.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::outcome::{Cause, Outcome};
use tagyard_pipeline::plan::Decision;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::batch::{Item, Stage};
use super::lanes::{Lanes, Occupied};
use crate::decoded::Decoded;
use crate::journal::{Begin, EventJournal, Journal, ReadLimit, Record};
use crate::limits::{BATCH_LINGER, TAG_BATCHES, TAG_BYTES, TAG_EVENTS};

/// How long to wait after the journal could not be read; a disk fault does not pass in less.
const READ_PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Worker {
    stage: Arc<Stage>,
    journal: EventJournal,
    decoded: Arc<Decoded>,
    /// Read from the journal and not begun.
    read: VecDeque<Arc<Record>>,
    lanes: Lanes,
    batches: JoinSet<Occupied>,
}

impl Worker {
    pub(super) fn new(stage: Arc<Stage>, journal: EventJournal, decoded: Arc<Decoded>) -> Self {
        Worker { stage, journal, decoded, read: VecDeque::new(), lanes: Lanes::default(), batches: JoinSet::new() }
    }

    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut durable = self.journal.subscribe();
        while !*stop.borrow() {
            durable.mark_unchanged();
            let starved = self.admit().await;
            let linger = self.start_batches();
            tokio::select! {
                Some(ended) = self.batches.join_next() => self.release(ended.ok()),
                changed = durable.changed(), if starved => if changed.is_err() { break },
                () = sleep_until(linger), if linger.is_some() => {}
                _ = stop.changed() => break,
            }
        }
        while let Some(ended) = self.batches.join_next().await {
            self.release(ended.ok());
        }
    }

    /// Takes events from the journal while there is room. True when it has seen the journal's end.
    async fn admit(&mut self) -> bool {
        loop {
            let (events, bytes) = self.lanes.held();
            if events >= TAG_EVENTS || bytes >= TAG_BYTES {
                return false;
            }
            let Some(record) = self.next().await else { return true };
            match self.stage.recorder.begin(&self.stage.tag.name, record.position) {
                Begin::Run => self.decide(record).await,
                Begin::Skip => {}
                Begin::Full => {
                    self.read.push_front(record);
                    return false;
                }
            }
        }
    }

    /// The next record; `None` at the journal's end. A disk fault is waited out here: the tag has nothing else to do meanwhile, and
    /// no later event need come for it to go on.
    async fn next(&mut self) -> Option<Arc<Record>> {
        while self.read.is_empty() {
            let position = self.stage.recorder.next_read(&self.stage.tag.name);
            match self.journal.read_from(position, ReadLimit::default()).await {
                Ok(records) if records.is_empty() => return None,
                Ok(records) => self.read.extend(records),
                Err(error) => {
                    tracing::error!(tag = self.stage.tag.name, %error, "the journal cannot be read; trying again");
                    tokio::time::sleep(READ_PAUSE).await;
                }
            }
        }
        self.read.pop_front()
    }

    async fn decide(&mut self, record: Arc<Record>) {
        let accepted = match self.decoded.decode(&record.payload) {
            Ok(accepted) => accepted,
            Err(error) => {
                let outcome = Outcome::DeadLetter { cause: Cause::Invalid, reason: error.to_string() };
                return self.stage.record_unrun(&record, "", outcome).await;
            }
        };
        let event = &accepted.event;
        let outcome = match self.stage.tag.plan.decide(&accepted) {
            Decision::NotTriggered(clause) => Outcome::NotTriggered { reason: clause.to_string() },
            Decision::BlockedByConsent(missing) => Outcome::BlockedByConsent { reason: missing.to_string() },
            Decision::Run(redacted) => {
                let message_id = event.message_id().to_owned();
                self.lanes.admit(Item { user: user_of(&accepted), message_id, redacted, record });
                return;
            }
        };
        self.stage.record_unrun(&record, event.message_id(), outcome).await;
    }

    /// Starts what can be started. Returns when an unfilled batch has waited long enough.
    fn start_batches(&mut self) -> Option<Instant> {
        let tag = &self.stage.tag;
        while self.lanes.ready() > 0 && self.batches.len() < TAG_BATCHES {
            let due = self.lanes.ready_since().map(|since| since + BATCH_LINGER);
            if self.lanes.ready() < tag.max_batch && due.is_some_and(|due| due > Instant::now()) {
                return due;
            }
            let batch = self.lanes.take(tag.max_batch, tag.batch_bytes());
            let stage = self.stage.clone();
            self.batches.spawn(async move {
                stage.run(&batch.items).await;
                batch.lanes
            });
        }
        None
    }

    fn release(&mut self, occupied: Option<Occupied>) {
        match occupied {
            Some(occupied) => self.lanes.release(occupied),
            // Its users' later events wait for the next start, which runs the batch again.
            None => tracing::error!(tag = self.stage.tag.name, "a batch panicked; its events stay in the journal"),
        }
    }
}

fn user_of(accepted: &Accepted) -> u64 {
    let mut hasher = DefaultHasher::new();
    accepted.event.user().hash(&mut hasher);
    hasher.finish()
}

async fn sleep_until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep_until(deadline).await;
    }
}
