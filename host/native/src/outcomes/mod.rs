//! Outcomes: every event ends, for every tag, in exactly one, and this is where it is recorded.
//!
//! The order makes it safe to stop at any point: first the dead letter (durable), then the outcome, then the tag's cursor. What
//! has an outcome is run again only where a person asks for it, and has a further outcome then, of which the last one counts; what has
//! none is run.

mod again;
mod run;
mod state;
mod writer;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tagyard_pipeline::outcome::Outcome;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;

use crate::checkpoint::Checkpoint;
use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::journal::{Begin, CursorFile, CursorFileError, Finished, Loaded, Log, Origin, ReadError};
use crate::labels::Labels;
use crate::limits::{RECORD_TIMEOUT, WAITING_OUTCOMES};
use crate::sent::{self, Sent};

pub use again::Rerun;
pub(crate) use run::ReadRun;
pub use state::Counts;
pub(crate) use state::State;

use writer::Writer;

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
    pub letter: Option<Box<DeadLetter>>,
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
        labels: Labels,
    ) -> Result<(Self, Writing), ReadError> {
        if loaded.origin == Origin::Lost {
            tracing::warn!("both checkpoints are damaged: the cursors are restored from the outcomes alone");
        }
        let mut cursors = loaded.cursors;
        let checkpointed = cursors.outcomes();
        let replayed = cursors.replay(&log, oldest, |record| {
            let run: ReadRun = serde_json::from_slice(&record.payload).ok()?;
            let (first, last) = run.positions();
            Some(Finished { tag: run.tag().to_owned(), first, last })
        });
        let replayed = replayed.await?;
        tracing::debug!(replayed, "outcomes since the last checkpoint");
        let (ends, waiting) = mpsc::channel(WAITING_OUTCOMES);
        let (sent, keeper) = sent::queue(sent);
        let (watchers, _) = broadcast::channel(WAITING_OUTCOMES);
        let state = Arc::new(Mutex::new(State { cursors, ..State::default() }));
        let checkpoint = Checkpoint::new(file, log.clone(), state.clone(), checkpointed);
        let (count, written) = watch::channel(0);
        let writer = Writer::new(log, letters, checkpoint.clone(), state.clone(), count, watchers.clone(), labels);
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

    /// The same for what was sent. For when no tag works.
    pub(crate) async fn settle_sent(&self) {
        self.sent.settle().await;
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

/// The state stays whole even if a holder panicked: each change is one step.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
