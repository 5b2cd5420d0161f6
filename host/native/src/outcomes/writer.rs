//! The task that writes outcomes down: the dead letters first, then the outcomes, then the cursors.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::{BufMut, BytesMut};
use metrics::Counter;
use tagyard_pipeline::outcome::Outcome;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::Instant;

use super::run::{Run, runs};
use super::{Ended, Recorded, State, lock};
use crate::checkpoint::Checkpoint;
use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::journal::{Key, Log, NewRecord};
use crate::labels::Labels;
use crate::limits::CHECKPOINT_EVERY;
use crate::sent;

/// Writes what has ended, in groups.
pub(super) struct Writer {
    log: Log,
    letters: DeadLetters,
    checkpoint: Checkpoint,
    state: Arc<Mutex<State>>,
    written: watch::Sender<u64>,
    watchers: broadcast::Sender<Arc<Recorded>>,
    labels: Labels,
    /// By tag, looked up once.
    counted: HashMap<String, Counted>,
}

/// How many outcomes go into one append; a few hundred KB.
const GROUP: usize = 1_024;

/// About what a record takes, and what an event more in it.
const RECORD_BYTES: usize = 256;
const MORE_BYTES: usize = 40;

/// How long a group gathers before it is written. Nobody waits for an outcome, and each write costs a few changes of thread.
const GATHER: std::time::Duration = std::time::Duration::from_millis(5);

/// How long to wait for a disk that cannot be written before the next attempt.
const DISK_PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

impl Writer {
    pub(super) fn new(
        log: Log,
        letters: DeadLetters,
        checkpoint: Checkpoint,
        state: Arc<Mutex<State>>,
        written: watch::Sender<u64>,
        watchers: broadcast::Sender<Arc<Recorded>>,
        labels: Labels,
    ) -> Self {
        Writer { log, letters, checkpoint, state, written, watchers, labels, counted: HashMap::new() }
    }

    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Ended>, mut sent: sent::Keeper) {
        let mut group = Vec::with_capacity(GROUP);
        let mut saved = Instant::now();
        let mut changed = false;
        loop {
            let is_woken = tokio::select! {
                received = waiting.recv_many(&mut group, GROUP) => match received {
                    0 => break,
                    _ => true,
                },
                () = sent.wait() => true,
                () = tokio::time::sleep_until(saved + CHECKPOINT_EVERY), if changed => false,
            };
            if is_woken {
                tokio::time::sleep(GATHER).await;
                while group.len() < GROUP
                    && let Ok(ended) = waiting.try_recv()
                {
                    group.push(ended);
                }
                // First, so that who sees an outcome finds what was sent for it.
                sent.write().await;
            }
            if !group.is_empty() {
                self.write(&mut group).await;
                group.clear();
                changed = true;
            }
            if changed && saved.elapsed() >= CHECKPOINT_EVERY {
                self.checkpoint().await;
                (saved, changed) = (Instant::now(), false);
            }
        }
        sent.write().await;
        self.checkpoint().await;
    }

    /// Tries until the disk takes it. Meanwhile the channel fills and the tags wait: nothing is given up.
    async fn write(&mut self, group: &mut [Ended]) {
        let letters: Vec<DeadLetter> =
            group.iter_mut().filter_map(|ended| ended.letter.take()).map(|letter| *letter).collect();
        while let Err(error) = self.letters.append(&letters).await {
            tracing::error!(%error, "dead letters cannot be written; trying again");
            tokio::time::sleep(DISK_PAUSE).await;
        }
        let recorded = || group.iter().map(|ended| &ended.recorded);
        let runs = runs(recorded());
        let first = loop {
            match self.log.append(records(&runs, group.len()), false).await {
                Ok(appended) => break appended.first,
                Err(error) => {
                    tracing::error!(%error, "outcomes cannot be written; trying again");
                    tokio::time::sleep(DISK_PAUSE).await;
                }
            }
        };
        runs.iter().for_each(|run| self.count(run));
        let mut state = lock(&self.state);
        for (place, run) in (first..).zip(&runs) {
            let Recorded { tag, outcome, again, .. } = run.first;
            state.cursors.apply(place, tag, run.positions());
            if let Some(counts) = state.counts.get_mut(tag) {
                counts.add(outcome, run.events());
            }
            if *again && state.cursors.get(tag).is_some() {
                state.again.entry(tag.clone()).or_default().add(outcome, run.events());
            }
        }
        drop(state);
        if self.watchers.receiver_count() > 0 {
            // Whoever has left meanwhile misses nothing.
            recorded().for_each(|recorded| drop(self.watchers.send(Arc::new(recorded.clone()))));
        }
        self.written.send_modify(|written| *written += group.len() as u64);
    }

    /// The label set is bounded: tags are a container's, and so is what they are called.
    fn count(&mut self, run: &Run<'_>) {
        let Recorded { tag, outcome, .. } = run.first;
        if !self.counted.contains_key(tag) {
            self.counted.insert(tag.clone(), Counted::new(tag, &self.labels));
        }
        if let Some(counted) = self.counted.get(tag) {
            counted.of(outcome).increment(run.events());
        }
    }

    async fn checkpoint(&self) {
        if let Err(error) = self.checkpoint.save().await {
            tracing::warn!(%error, "the cursors were not written down; a restart reads more outcomes");
        }
    }
}

/// Those of so many outcomes. One piece of memory for all of them: they are written together and soon let go of.
fn records(runs: &[Run<'_>], outcomes: usize) -> Vec<NewRecord> {
    let mut json = BytesMut::with_capacity(RECORD_BYTES * runs.len() + MORE_BYTES * (outcomes - runs.len()));
    let record = |run: &Run<'_>| {
        // It has no map with other keys than strings, so it is always JSON.
        let _ = serde_json::to_writer((&mut json).writer(), run);
        NewRecord { received_at_ms: run.first.at.as_millisecond(), key: Key::NONE, payload: json.split().freeze() }
    };
    runs.iter().map(record).collect()
}

/// A tag's counters of outcomes.
struct Counted {
    not_triggered: Counter,
    blocked_by_consent: Counter,
    skipped: Counter,
    delivered: Counter,
    dead_letter: Counter,
}

impl Counted {
    fn new(tag: &str, labels: &Labels) -> Self {
        let counter = |outcome: &str| {
            let labels = labels.with([("tag", tag.to_owned()), ("outcome", outcome.to_owned())]);
            metrics::counter!("tagyard_outcomes_total", labels)
        };
        Counted {
            not_triggered: counter("not_triggered"),
            blocked_by_consent: counter("blocked_by_consent"),
            skipped: counter("skipped"),
            delivered: counter("delivered"),
            dead_letter: counter("dead_letter"),
        }
    }

    fn of(&self, outcome: &Outcome) -> &Counter {
        match outcome {
            Outcome::NotTriggered { .. } => &self.not_triggered,
            Outcome::BlockedByConsent { .. } => &self.blocked_by_consent,
            Outcome::Skipped { .. } => &self.skipped,
            Outcome::Delivered => &self.delivered,
            Outcome::DeadLetter { .. } => &self.dead_letter,
        }
    }
}
