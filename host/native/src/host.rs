//! A whole host: one container, its journal and its tags, from the socket to the vendors.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tagyard_pipeline::plan::{PlanError, Shared};
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use crate::admin::{Admin, Facts};
use crate::collect::{Collector, Server};
use crate::container::{Environment, Loaded};
use crate::dead_letters::DeadLetters;
use crate::decoded::Decoded;
use crate::deliver::{Deliverer, Divert};
use crate::dispatch::Dispatcher;
use crate::journal::{
    CursorFile, CursorFileError, Durability, EventJournal, Log, OpenError, Options, Origin, ReadError,
};
use crate::limits::STOP_TIMEOUT;
use crate::outcomes::{Recorded, Recorder, Writing};
use crate::retention;
use crate::sandbox::{LoadError, Sandbox};
use crate::tag::{StartError, Tag};

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
    dispatcher: Dispatcher,
    admin: Admin,
    retention: JoinHandle<()>,
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
    Tag(#[from] StartError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("metrics cannot be recorded: {0}")]
    Metrics(String),
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
        let events = Options { dedupe: true, next_at_least: known, ..Options::default() };
        let journal = EventJournal::new(open(&folder.join("journal"), events)?);
        let letters = open_dead_letters(folder)?;
        let next_outcome = cursors.cursors.outcomes();
        let flushed = Options { durability: Durability::Flushed, next_at_least: next_outcome, ..Options::default() };
        let outcomes = open(&folder.join("outcomes"), flushed)?;
        let oldest = journal.log().oldest_position();
        // A new tag begins with the next event. Where the cursors were lost, every tag may have missed any event.
        let start = match cursors.origin {
            Origin::Lost => oldest,
            Origin::Current | Origin::Previous | Origin::Fresh => journal.log().durable_position() + 1,
        };
        let (recorder, writing) =
            Recorder::start(outcomes.clone(), letters.clone(), checkpoint, cursors, oldest).await?;

        let sandbox = Sandbox::start(Some(folder.join("compiled")))?;
        let shared = Shared::compile(&loaded.container)?;
        let tags = loaded.tags.iter().map(|tag| Tag::start(&sandbox, tag, shared.clone(), setup.env).map(Arc::new));
        let tags = tags.collect::<Result<Vec<_>, _>>()?;
        let decoded = Arc::new(Decoded::default());
        let deliverer = Arc::new(Deliverer::new(&loaded.container.deliver, setup.divert));

        let listener = TcpListener::bind(setup.listen).await;
        let listener = listener.map_err(|error| HostError::Listen { address: setup.listen, error })?;
        let names: Vec<&str> = tags.iter().map(|tag| tag.name.as_str()).collect();
        recorder.set_tags(&names, start).await?;
        let retention = tokio::spawn(retention::run(journal.log().clone(), outcomes.clone(), recorder.clone()));
        let dispatcher = Dispatcher::start(tags, &journal, &recorder, &deliverer, &decoded);
        let facts = Facts {
            container: loaded.container.name.clone(),
            journal: journal.clone(),
            letters: letters.clone(),
            recorder: recorder.clone(),
        };
        let admin = Admin::start(folder, facts).map_err(HostError::Admin)?;
        let asked = shared.rules().asked().clone();
        let collector = Collector::new(&loaded.container, asked, journal, letters.clone(), decoded, metrics);
        let server = Server::start(listener, collector.router())
            .map_err(|error| HostError::Listen { address: setup.listen, error })?;
        Ok(Host { server, dispatcher, admin, retention, recorder, writing, letters })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Every outcome from now on.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Recorded>> {
        self.recorder.watch()
    }

    pub fn dead_letters(&self) -> &DeadLetters {
        &self.letters
    }

    /// Stops: no more requests, what is in flight is finished within a deadline, everything that ended is recorded. The rest
    /// stays in the journal.
    pub async fn stop(self) {
        self.server.stop().await;
        self.dispatcher.stop(STOP_TIMEOUT).await;
        self.admin.stop().await;
        self.retention.abort();
        // It holds a recorder, and the writer goes on while there is one.
        let _ = self.retention.await;
        drop(self.recorder);
        self.writing.finish().await;
    }
}

/// Opens the dead letters of a data directory that no host is running on.
///
/// # Errors
/// When they are in use, or cannot be read.
pub fn open_dead_letters(data_dir: &Path) -> Result<DeadLetters, OpenError> {
    open(&data_dir.join("dead-letters"), Options::default()).map(DeadLetters::new)
}

fn open(folder: &Path, options: Options) -> Result<Log, OpenError> {
    // What had to be mended has been logged.
    Log::open(folder, options).map(|(log, _)| log)
}

/// One recorder a process, whichever host asks first.
fn metrics_handle() -> Result<PrometheusHandle, HostError> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    let install = || PrometheusBuilder::new().install_recorder().map_err(|error| error.to_string());
    HANDLE.get_or_init(install).clone().map_err(HostError::Metrics)
}
