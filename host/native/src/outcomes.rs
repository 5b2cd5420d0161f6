//! Outcomes: every event ends, for every tag, in exactly one, and this is where it is recorded.
//!
//! The order makes it safe to stop at any point: first the dead letter (durable), then the outcome, then the tag's cursor. What
//! has an outcome is run again only where a person asks for it, and has a further outcome then, of which the last one counts; what has
//! none is run.

mod again;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tagyard_pipeline::outcome::Outcome;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::checkpoint::Checkpoint;
use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::journal::{
    Begin, CursorFile, CursorFileError, Cursors, Finished, Key, Loaded, Log, NewRecord, Origin, ReadError,
};
use crate::limits::{CHECKPOINT_EVERY, RECORD_TIMEOUT, WAITING_OUTCOMES};
use crate::sent::{self, Sent};

pub use again::Rerun;

/// How one event ended for one tag, as it lies in the outcomes log.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Recorded {
    pub at: Timestamp,
    pub tag: String,
    /// The event's position in the journal.
    pub position: u64,
    pub message_id: String,
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Over all the requests that carried it.
    #[serde(default)]
    pub attempts: u32,
    /// Whether it had an outcome before and a person had it run again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

/// An event's end, with the dead letter it left, if any.
#[derive(Debug)]
pub struct Ended {
    pub recorded: Recorded,
    pub letter: Option<DeadLetter>,
}

/// Records outcomes and keeps the tags' cursors. Cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    ends: mpsc::Sender<Ended>,
    /// How many ends were given to the writer, and how many it has written.
    given: Arc<AtomicU64>,
    written: watch::Receiver<u64>,
    checkpoint: Checkpoint,
    sent: sent::Queue,
    state: Arc<Mutex<State>>,
    watchers: broadcast::Sender<Arc<Recorded>>,
    /// Changes when events have been marked to be run again.
    marks: watch::Sender<()>,
}

/// How far a tag has come.
#[derive(Clone, Debug)]
pub struct Progress {
    pub tag: String,
    /// The first event without an outcome, and the first that it has not come to.
    pub low: u64,
    pub next: u64,
    pub unfinished: u64,
    /// Events to be run again, without their further outcome.
    pub again: u64,
    pub counts: Counts,
}

/// Outcomes of a tag since the host started.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub delivered: u64,
    pub skipped: u64,
    pub blocked_by_consent: u64,
    pub not_triggered: u64,
    pub dead: u64,
}

impl Counts {
    /// All outcomes.
    pub fn total(self) -> u64 {
        self.delivered + self.skipped + self.blocked_by_consent + self.not_triggered + self.dead
    }

    pub fn plus(self, other: Self) -> Self {
        self.with(other, |mine, theirs| mine + theirs)
    }

    /// What came after `before` was counted; all of it, where a restart has begun to count anew.
    pub fn since(self, before: Self) -> Self {
        if self.total() < before.total() { self } else { self.with(before, u64::saturating_sub) }
    }

    fn with(self, other: Self, of: impl Fn(u64, u64) -> u64) -> Self {
        Counts {
            delivered: of(self.delivered, other.delivered),
            skipped: of(self.skipped, other.skipped),
            blocked_by_consent: of(self.blocked_by_consent, other.blocked_by_consent),
            not_triggered: of(self.not_triggered, other.not_triggered),
            dead: of(self.dead, other.dead),
        }
    }

    fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Delivered => self.delivered += 1,
            Outcome::Skipped { .. } => self.skipped += 1,
            Outcome::BlockedByConsent { .. } => self.blocked_by_consent += 1,
            Outcome::NotTriggered { .. } => self.not_triggered += 1,
            Outcome::DeadLetter { .. } => self.dead += 1,
        }
    }
}

/// Where the tags are, and how their events ended.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) cursors: Cursors,
    counts: BTreeMap<String, Counts>,
    /// Of the events that were run again, among those in `counts`; only of tags that have a cursor.
    again: BTreeMap<String, Counts>,
}

impl State {
    /// Gives the tags that have none a cursor; returns which those were.
    fn add(&mut self, tags: &[&str], start: u64) -> Vec<String> {
        let is_new = |tag: &&&str| self.cursors.get(tag).is_none();
        let added: Vec<String> = tags.iter().filter(is_new).map(|tag| (*tag).to_owned()).collect();
        added.iter().for_each(|tag| _ = self.cursors.tag(tag, start));
        for tag in tags {
            self.counts.entry((*tag).to_owned()).or_default();
        }
        added
    }

    fn remove(&mut self, tags: &[String]) {
        for tag in tags {
            self.cursors.remove(tag);
            self.counts.remove(tag);
            self.again.remove(tag);
        }
    }

    /// Forgets all other tags; whether there were any.
    fn keep_only(&mut self, tags: &[&str]) -> bool {
        let all = self.cursors.iter().map(|(tag, _)| tag.to_owned());
        let gone: Vec<String> = all.filter(|tag| !tags.contains(&tag.as_str())).collect();
        for tag in &gone {
            tracing::warn!(tag, "a tag that is no longer in the container gives up its place in the journal");
        }
        self.remove(&gone);
        !gone.is_empty()
    }
}

/// The task that writes; [`Writing::finish`] waits until it has.
pub struct Writing {
    task: JoinHandle<()>,
}

impl Writing {
    /// Waits until everything is recorded, once all [`Recorder`]s are dropped. A disk that takes nothing is given up after a while:
    /// what is not recorded is run again at the next start, as after a kill.
    pub async fn finish(mut self) {
        if tokio::time::timeout(RECORD_TIMEOUT, &mut self.task).await.is_err() {
            self.task.abort();
            let _ = self.task.await;
            tracing::error!(
                "outcomes could not be written before the stop: their events are run again at the next start"
            );
        }
    }
}

impl Recorder {
    /// Restores the cursors from their checkpoint and the outcomes after it, and starts recording. `oldest` is the journal's first event.
    ///
    /// # Errors
    /// When the outcomes log cannot be read.
    pub async fn start(
        log: Log,
        sent: Log,
        letters: DeadLetters,
        file: CursorFile,
        loaded: Loaded,
        oldest: u64,
    ) -> Result<(Self, Writing), ReadError> {
        if loaded.origin == Origin::Lost {
            tracing::warn!("both checkpoints are damaged: the cursors are restored from the outcomes alone");
        }
        let mut cursors = loaded.cursors;
        let checkpointed = cursors.outcomes();
        let replayed = cursors.replay(&log, oldest, |record| {
            let recorded: Recorded = serde_json::from_slice(&record.payload).ok()?;
            Some(Finished { tag: recorded.tag, event: recorded.position })
        });
        let replayed = replayed.await?;
        tracing::debug!(replayed, "outcomes since the last checkpoint");
        let (ends, waiting) = mpsc::channel(WAITING_OUTCOMES);
        let (sent, keeper) = sent::queue(sent);
        let (watchers, _) = broadcast::channel(WAITING_OUTCOMES);
        let state = Arc::new(Mutex::new(State { cursors, ..State::default() }));
        let checkpoint = Checkpoint::new(file, log.clone(), state.clone(), checkpointed);
        let (count, written) = watch::channel(0);
        let writer = Writer {
            log,
            letters,
            checkpoint: checkpoint.clone(),
            state: state.clone(),
            written: count,
            watchers: watchers.clone(),
        };
        let task = tokio::spawn(writer.run(waiting, keeper));
        let (given, marks) = (Arc::default(), watch::Sender::new(()));
        let recorder = Recorder { ends, given, written, checkpoint, sent, state, watchers, marks };
        Ok((recorder, Writing { task }))
    }

    /// Gives each tag a cursor; one that has none yet begins with the event at `start`. The cursors of other tags, which would
    /// hold back the journal's retention for ever, are dropped. Returns when that is on disk: a new tag must not begin anew after a crash.
    ///
    /// # Errors
    /// When the checkpoint cannot be written.
    pub async fn set_tags(&self, tags: &[&str], start: u64) -> Result<(), CursorFileError> {
        let changed = {
            let mut state = lock(&self.state);
            let is_fewer = state.keep_only(tags);
            !state.add(tags, start).is_empty() || is_fewer
        };
        match self.checkpoint.save().await {
            // The checkpoint of before says the same: a full disk keeps no host from delivering what it has.
            Err(error) if !changed => {
                tracing::warn!(%error, "the cursors were not written down; going on with those of before");
                Ok(())
            }
            saved => saved,
        }
    }

    /// Gives each tag that has none a cursor, which begins with the event at `start`, and returns when that is on disk. Written even
    /// if there is none such: where the disk takes nothing, what the tags record would not be settled either.
    ///
    /// # Errors
    /// When the checkpoint cannot be written; no tag has a new cursor then.
    pub async fn add_tags(&self, tags: &[&str], start: u64) -> Result<(), CursorFileError> {
        let added = lock(&self.state).add(tags, start);
        let saved = self.checkpoint.save().await;
        if saved.is_err() {
            lock(&self.state).remove(&added);
        }
        saved
    }

    /// The tags are these from now on, with other workers, which take up all that has no outcome. The workers of before have
    /// ended, and what they recorded is [settled](Self::settle).
    pub async fn hand_over(&self, tags: &[&str]) {
        {
            let mut state = lock(&self.state);
            state.keep_only(tags);
            state.cursors.rewind();
        }
        // Should the process end before the next one, the next start does the same again.
        if let Err(error) = self.checkpoint.save().await {
            tracing::warn!(%error, "the cursors were not written down");
        }
    }

    /// Waits until every end that was recorded before is written and its cursor knows.
    pub async fn settle(&self) {
        let given = self.given.load(Ordering::Acquire);
        // A writer that is gone writes no more.
        let _ = self.written.clone().wait_for(|written| *written >= given).await;
    }

    /// Where a tag reads the journal next.
    pub fn next_read(&self, tag: &str) -> u64 {
        lock(&self.state).cursors.get(tag).map_or(1, |cursor| cursor.next_read())
    }

    /// Whether the event at `position` is to be run for the tag.
    pub fn begin(&self, tag: &str, position: u64) -> Begin {
        lock(&self.state).cursors.get_mut(tag).map_or(Begin::Skip, |cursor| cursor.begin(position))
    }

    /// Records an end. Returns when there is room for it to wait; it is written soon after.
    pub async fn record(&self, ended: Ended) {
        match self.ends.send(ended).await {
            Ok(()) => _ = self.given.fetch_add(1, Ordering::Release),
            Err(_) => tracing::error!("an outcome was not recorded: the event will be run again"),
        }
    }

    /// Leaves what was sent to be written down, before the outcome that is recorded next. Nothing waits for it.
    pub fn sent(&self, sent: Sent) {
        self.sent.push(sent);
    }

    /// Every outcome recorded from now on.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Recorded>> {
        self.watchers.subscribe()
    }

    /// How far each tag has come.
    pub fn progress(&self) -> Vec<Progress> {
        let state = lock(&self.state);
        let progress = state.cursors.iter().map(|(tag, cursor)| Progress {
            tag: tag.to_owned(),
            low: cursor.reached(),
            next: cursor.next(),
            unfinished: cursor.unfinished(),
            again: cursor.again(),
            counts: state.counts.get(tag).copied().unwrap_or_default(),
        });
        progress.collect()
    }

    /// The lowest positions that are still needed: of the journal, by a tag, and of the outcomes, by the next start.
    pub fn needed(&self) -> (Option<u64>, u64) {
        (lock(&self.state).cursors.low(), self.checkpoint.needed())
    }
}

struct Writer {
    log: Log,
    letters: DeadLetters,
    checkpoint: Checkpoint,
    state: Arc<Mutex<State>>,
    written: watch::Sender<u64>,
    watchers: broadcast::Sender<Arc<Recorded>>,
}

/// How many outcomes go into one append; a few hundred KB.
const GROUP: usize = 1_024;

/// How long a group gathers before it is written. Nobody waits for an outcome, and each write costs a few changes of thread.
const GATHER: std::time::Duration = std::time::Duration::from_millis(5);

/// How long to wait for a disk that cannot be written before the next attempt.
const DISK_PAUSE: std::time::Duration = std::time::Duration::from_millis(500);

impl Writer {
    async fn run(self, mut waiting: mpsc::Receiver<Ended>, mut sent: sent::Keeper) {
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
                self.write(std::mem::take(&mut group)).await;
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
    async fn write(&self, group: Vec<Ended>) {
        let (recorded, letters): (Vec<_>, Vec<_>) =
            group.into_iter().map(|ended| (ended.recorded, ended.letter)).unzip();
        let letters: Vec<DeadLetter> = letters.into_iter().flatten().collect();
        while let Err(error) = self.letters.append(&letters).await {
            tracing::error!(%error, "dead letters cannot be written; trying again");
            tokio::time::sleep(DISK_PAUSE).await;
        }
        let records: Vec<NewRecord> = recorded.iter().map(new_record).collect();
        let first = loop {
            match self.log.append(records.clone(), false).await {
                Ok(appended) => break appended.first,
                Err(error) => {
                    tracing::error!(%error, "outcomes cannot be written; trying again");
                    tokio::time::sleep(DISK_PAUSE).await;
                }
            }
        };
        let count = recorded.len() as u64;
        let mut state = lock(&self.state);
        for (position, recorded) in (first..).zip(recorded) {
            state.cursors.apply(position, &Finished { tag: recorded.tag.clone(), event: recorded.position });
            if let Some(counts) = state.counts.get_mut(&recorded.tag) {
                counts.add(&recorded.outcome);
            }
            if recorded.again && state.cursors.get(&recorded.tag).is_some() {
                state.again.entry(recorded.tag.clone()).or_default().add(&recorded.outcome);
            }
            let labels = [("tag", recorded.tag.clone()), ("outcome", recorded.outcome.name().to_owned())];
            metrics::counter!("tagyard_outcomes_total", &labels).increment(1);
            // Nobody has to be watching.
            let _ = self.watchers.send(Arc::new(recorded));
        }
        drop(state);
        self.written.send_modify(|written| *written += count);
    }

    async fn checkpoint(&self) {
        if let Err(error) = self.checkpoint.save().await {
            tracing::warn!(%error, "the cursors were not written down; a restart reads more outcomes");
        }
    }
}

fn new_record(recorded: &Recorded) -> NewRecord {
    NewRecord {
        received_at_ms: recorded.at.as_millisecond(),
        key: Key::NONE,
        payload: Bytes::from(serde_json::to_vec(recorded).unwrap_or_default()),
    }
}

/// The state stays whole even if a holder panicked: each change is one step.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
