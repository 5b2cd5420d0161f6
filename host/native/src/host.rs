//! A whole host: one container, its journal and its tags, from the socket to the vendors.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use axum::Router;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use tagyard_pipeline::enrich::EnrichmentError;
use tagyard_pipeline::plan::PlanError;
use tagyard_pipeline::sources::RulesError;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::task::JoinHandle;

use crate::admin::{Admin, Facts};
use crate::collect::Server;
use crate::container::{Environment, Loaded};
use crate::dead_letters::DeadLetters;
use crate::decoded::Decoded;
use crate::deliver::{Divert, Network};
use crate::gauges;
use crate::ground::{Compiled, Ground};
use crate::journal::{
    CursorFile, CursorFileError, Durability, EventJournal, Log, OpenError, Options, Origin, ReadError,
};
use crate::limits::COLLECTING_REQUESTS;
use crate::live::Live;
use crate::outcomes::{Recorded, Recorder, Writing};
use crate::reload::{Reloader, Reloads};
use crate::retention::{Keep, Kept};
use crate::sandbox::{LoadError, Sandbox};
use crate::sent;
use crate::tag::StartError;

/// What a host is started with besides its container.
#[derive(Debug)]
pub struct Setup {
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub divert: Option<Divert>,
    /// Where secrets' values come from.
    pub env: Environment,
}

/// A running host.
pub struct Host {
    server: Server,
    reloads: Reloads,
    admin: Admin,
    /// Retention and gauges, which go on until they are aborted.
    chores: Vec<JoinHandle<()>>,
    recorder: Recorder,
    writing: Writing,
    letters: DeadLetters,
}

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: io::Error },
    #[error("the data directory cannot be used: {0}")]
    Data(#[from] OpenError),
    #[error("the recorded outcomes cannot be read: {0}")]
    Outcomes(#[from] ReadError),
    #[error("the admin socket cannot be made in the data directory: {0}")]
    Admin(io::Error),
    #[error(transparent)]
    Cursors(#[from] CursorFileError),
    #[error(transparent)]
    Sandbox(#[from] LoadError),
    #[error(transparent)]
    Tags(#[from] TagsError),
    #[error("metrics cannot be recorded: {0}")]
    Metrics(String),
}

/// Why a checked container cannot be put in force.
#[derive(Debug, thiserror::Error)]
pub enum TagsError {
    #[error(transparent)]
    Tag(#[from] StartError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Rules(#[from] RulesError),
    #[error(transparent)]
    Enrichment(#[from] EnrichmentError),
}

impl Host {
    /// Starts a host: opens its logs, loads its tags, takes up what was left, and listens last, when all the rest is there.
    ///
    /// # Errors
    /// When a part of it does not start; nothing was accepted then.
    pub async fn start(loaded: &Loaded, setup: Setup) -> Result<Self, HostError> {
        let metrics = metrics_handle()?;
        let folder = &setup.data_dir;
        let checkpoint = CursorFile::new(folder.join("cursors.json"));
        let cursors = checkpoint.load();
        let known = cursors.cursors.iter().map(|(_, cursor)| cursor.next()).max().unwrap_or(1);
        let keep = Keep::from(&loaded.container.journal);
        let sized = Options { segment_bytes: keep.segment_bytes(), ..Options::default() };
        let events = Options { dedupe: true, next_at_least: known, max_bytes: keep.max_bytes, ..sized.clone() };
        let journal = EventJournal::new(open(&folder.join("journal"), events)?);
        let letters = open_dead_letters(folder)?;
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
        let (recorder, writing) =
            Recorder::start(outcomes.clone(), sent.clone(), letters.clone(), checkpoint, cursors, oldest).await?;

        let sandbox = Arc::new(Sandbox::start(Some(folder.join("compiled")))?);
        let compiled = Compiled::new(loaded, &sandbox, setup.env)?;
        let listener = TcpListener::bind(setup.listen).await;
        let listener = listener.map_err(|error| HostError::Listen { address: setup.listen, error })?;
        recorder.set_tags(&compiled.names(), start).await?;
        let ground = Ground {
            journal: journal.clone(),
            letters: letters.clone(),
            recorder: recorder.clone(),
            decoded: Arc::new(Decoded::default()),
            sandbox,
            network: Arc::new(Network::default()),
            metrics,
            places: Arc::new(Semaphore::new(COLLECTING_REQUESTS)),
            divert: setup.divert,
            env: setup.env,
            routes: Arc::new(ArcSwap::from_pointee(Router::new())),
            keep: watch::Sender::new(keep),
            live: Arc::new(Live::new(compiled.in_force())),
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
            reloader: reloader.clone(),
        });
        let kept = Kept {
            journal: journal.log().clone(),
            outcomes,
            sent,
            letters: letters.clone(),
            recorder: recorder.clone(),
        };
        let chores =
            vec![tokio::spawn(kept.run(ground.keep.subscribe())), tokio::spawn(gauges::run(Arc::clone(&facts)))];
        let admin = Admin::start(folder, facts).map_err(HostError::Admin)?;
        ground.collect(&compiled);
        let routes = ground.routes.clone();
        let reloads = Reloads::start(ground, compiled, reloader, waiting);
        let server =
            Server::start_with(listener, routes).map_err(|error| HostError::Listen { address: setup.listen, error })?;
        Ok(Host { server, reloads, admin, chores, recorder, writing, letters })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Every outcome from now on.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Recorded>> {
        self.recorder.watch()
    }

    /// By which it is given another container.
    pub fn reloader(&self) -> Reloader {
        self.reloads.reloader()
    }

    pub fn dead_letters(&self) -> &DeadLetters {
        &self.letters
    }

    /// Stops: no more requests, what is in flight is finished within a deadline, everything that ended is recorded. The rest
    /// stays in the journal.
    pub async fn stop(self) {
        self.server.stop().await;
        self.reloads.stop().await;
        self.admin.stop().await;
        for chore in self.chores {
            chore.abort();
            // It holds a recorder, and the writer goes on while there is one.
            let _ = chore.await;
        }
        drop(self.recorder);
        self.writing.finish().await;
    }
}

/// Opens the dead letters of a data directory that no host is running on.
///
/// # Errors
/// When they are in use, or cannot be read.
pub fn open_dead_letters(data_dir: &Path) -> Result<DeadLetters, OpenError> {
    let folder = data_dir.join("dead-letters");
    Ok(DeadLetters::new(open(&folder, Options::default())?, open(&folder.join("settled"), Options::default())?))
}

pub(crate) fn open(folder: &Path, options: Options) -> Result<Log, OpenError> {
    // What had to be mended has been logged.
    Log::open(folder, options).map(|(log, _)| log)
}

/// One recorder a process, whichever host asks first.
fn metrics_handle() -> Result<PrometheusHandle, HostError> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    let install = || {
        PrometheusBuilder::new()
            .idle_timeout(MetricKindMask::GAUGE, Some(gauges::FORGOTTEN_AFTER))
            .install_recorder()
            .map_err(|error| error.to_string())
    };
    HANDLE.get_or_init(install).clone().map_err(HostError::Metrics)
}
