//! One container at work: its logs, its tags, its admin socket, in a data directory of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admin::{Admin, Facts};
use crate::base::Base;
use crate::collect::Routes;
use crate::container::Loaded;
use crate::dead_letters::DeadLetters;
use crate::decoded::Decoded;
use crate::gauges;
use crate::ground::{Compiled, Ground};
use crate::host::{HostError, open, open_dead_letters};
use crate::identity::Links;
use crate::journal::{CursorFile, Durability, EventJournal, Log, Options, Origin};
use crate::labels::Labels;
use crate::limits::RECORD_TIMEOUT;
use crate::live::Live;
use crate::outcomes::{Progress, Recorder, Writing};
use crate::reload::{Reloader, Reloads};
use crate::retention::{Keep, Kept};
use crate::sent;

/// A container whose logs are open and whose tags are compiled. Nothing of it has begun.
pub(crate) struct Opened {
    folder: PathBuf,
    keep: Keep,
    journal: EventJournal,
    letters: DeadLetters,
    outcomes: Log,
    sent: Log,
    recorder: Recorder,
    writing: Writing,
    compiled: Compiled,
    labels: Labels,
    /// Where a new tag begins.
    start: u64,
}

/// A container at work.
pub(crate) struct Running {
    routes: Routes,
    facts: Arc<Facts>,
    reloads: Reloads,
    admin: Admin,
    /// Retention and gauges, which go on until they are aborted.
    chores: Vec<JoinHandle<()>>,
    writing: Writing,
    links: Links,
}

impl Opened {
    /// Opens a container's logs in its data directory and compiles its tags. Blocks on the disk, and while it compiles.
    ///
    /// # Errors
    /// When the directory is in use or cannot be read, or a tag does not compile.
    pub(crate) async fn open(loaded: &Loaded, folder: &Path, base: &Base) -> Result<Self, HostError> {
        let checkpoint = CursorFile::new(folder.join("cursors.json"));
        let cursors = checkpoint.load();
        let known = cursors.cursors.iter().map(|(_, cursor)| cursor.next()).max().unwrap_or(1);
        let keep = Keep::from(&loaded.container.journal);
        let labels = if base.is_shared { Labels::of(&loaded.container.name) } else { Labels::default() };
        let sized = Options { segment_bytes: keep.segment_bytes(), ..Options::default() };
        let events = Options { dedupe: true, next_at_least: known, max_bytes: keep.max_bytes, ..sized.clone() };
        let journal = EventJournal::new(open(&folder.join("journal"), events)?);
        let letters = open_dead_letters(folder)?.labelled(labels.clone());
        let next_outcome = cursors.cursors.outcomes();
        let flushed = Options { durability: Durability::Flushed, next_at_least: next_outcome, ..sized };
        let outcomes = open(&folder.join("outcomes"), flushed)?;
        let sent = open(&folder.join("sent"), sent::options())?;
        let oldest = journal.log().oldest_position();
        // A new tag begins with the next event. Where the cursors were lost, every tag may have missed any event.
        let start = match cursors.origin {
            Origin::Lost => oldest,
            Origin::Current | Origin::Previous | Origin::Fresh => journal.log().durable_position() + 1,
        };
        let (log, kept) = (outcomes.clone(), sent.clone());
        let started = Recorder::start(log, kept, letters.clone(), checkpoint, cursors, oldest, labels.clone());
        let (recorder, writing) = started.await?;
        let compiled = Compiled::new(loaded, &base.sandbox, base.env)?;
        let folder = folder.to_owned();
        Ok(Opened { folder, keep, journal, letters, outcomes, sent, recorder, writing, compiled, labels, start })
    }

    /// Takes up what was left. The collector may be asked from now on, by its [routes](Running::routes).
    ///
    /// # Errors
    /// When the tags' places cannot be written down, or the admin socket cannot be made.
    pub(crate) async fn begin(self, base: &Base) -> Result<Running, HostError> {
        let Opened { folder, keep, journal, letters, outcomes, sent, recorder, writing, compiled, labels, start } =
            self;
        recorder.set_tags(&compiled.names(), start).await?;
        let links = Links::new(&folder);
        let ground = Ground {
            journal: journal.clone(),
            letters: letters.clone(),
            recorder: recorder.clone(),
            decoded: Arc::new(Decoded::default()),
            sandbox: base.sandbox.clone(),
            network: base.network.clone(),
            metrics: base.metrics.clone(),
            labels: labels.clone(),
            places: base.places.clone(),
            divert: base.divert.clone(),
            env: base.env,
            routes: Arc::new(ArcSwap::from_pointee(Router::new())),
            keep: watch::Sender::new(keep),
            live: Arc::new(Live::new(compiled.in_force())),
            links: links.clone(),
        };
        let (reloader, waiting) = Reloader::new();
        let facts = Arc::new(Facts {
            live: ground.live.clone(),
            network: ground.network.clone(),
            journal: journal.clone(),
            letters: letters.clone(),
            outcomes: outcomes.clone(),
            sent: sent.clone(),
            recorder: recorder.clone(),
            links: links.clone(),
            reloader: reloader.clone(),
        });
        let kept = Kept { journal: journal.log().clone(), outcomes, sent, letters, recorder };
        let admin = Admin::start(&folder, facts.clone()).map_err(HostError::Admin)?;
        let chores =
            vec![tokio::spawn(kept.run(ground.keep.subscribe())), tokio::spawn(gauges::run(facts.clone(), labels))];
        ground.collect(&compiled);
        let routes = ground.routes.clone();
        let reloads = Reloads::start(ground, compiled, reloader, waiting);
        Ok(Running { routes, facts, reloads, admin, chores, writing, links })
    }
}

impl Running {
    pub(crate) fn routes(&self) -> Routes {
        self.routes.clone()
    }

    pub(crate) fn reloader(&self) -> Reloader {
        self.reloads.reloader()
    }

    pub(crate) fn facts(&self) -> &Arc<Facts> {
        &self.facts
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.facts.recorder
    }

    pub(crate) fn letters(&self) -> &DeadLetters {
        &self.facts.letters
    }

    /// Events that have no outcome yet for some tag, those that are run again among them.
    pub(crate) fn unfinished(&self) -> u64 {
        unfinished(&self.facts)
    }

    /// Whether a command is asking it something at the moment.
    pub(crate) fn is_asked(&self) -> bool {
        self.admin.is_asked()
    }

    /// Stops what takes up events: what is in flight is finished within a deadline, everything that ended is recorded. The rest stays
    /// in the journal. Nobody may be using the routes any more.
    pub(crate) async fn stop(self) {
        let (facts, writing) = self.quiet().await;
        drop(facts);
        writing.finish().await;
    }

    /// The same; returns how many events have no outcome yet, at least one where that cannot be known. The logs are closed then.
    pub(crate) async fn stop_counting(self) -> u64 {
        let (facts, writing) = self.quiet().await;
        let is_settled = tokio::time::timeout(RECORD_TIMEOUT, facts.recorder.settle()).await.is_ok();
        let left = if is_settled { unfinished(&facts) } else { 1 };
        // The last to let go of a log waits for its thread, which only a thread that may block should.
        let logs = (facts.journal.clone(), facts.outcomes.clone(), facts.sent.clone(), facts.letters.clone());
        drop(facts);
        writing.finish().await;
        let _ = tokio::task::spawn_blocking(move || drop(logs)).await;
        left
    }

    async fn quiet(self) -> (Arc<Facts>, Writing) {
        let Running { routes, facts, reloads, admin, chores, writing, links } = self;
        reloads.stop().await;
        admin.stop().await;
        links.close().await;
        for chore in chores {
            chore.abort();
            // It holds a recorder, and the writer goes on while there is one.
            let _ = chore.await;
        }
        // The collector has the journal.
        routes.store(Arc::new(Router::new()));
        (facts, writing)
    }
}

fn unfinished(facts: &Facts) -> u64 {
    let durable = facts.journal.log().durable_position();
    let of = |tag: Progress| tag.unfinished + tag.again + (durable + 1).saturating_sub(tag.next);
    facts.recorder.progress().into_iter().map(of).sum()
}
