//! A whole host: one container, its journal and its tags, from the socket to the vendors.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tagyard_pipeline::enrich::EnrichmentError;
use tagyard_pipeline::plan::PlanError;
use tagyard_pipeline::sources::RulesError;
use tokio::net::TcpListener;
use tokio::sync::broadcast;

use crate::base::Base;
use crate::collect::Server;
use crate::container::{Environment, Loaded};
use crate::dead_letters::DeadLetters;
use crate::deliver::Divert;
use crate::journal::{CursorFileError, Log, OpenError, Options, ReadError};
use crate::outcomes::Recorded;
use crate::reload::Reloader;
use crate::running::{Opened, Running};
use crate::sandbox::LoadError;
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
    running: Running,
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
        let base = Base::start(&setup.data_dir.join("compiled"), setup.divert, setup.env, false)?;
        let opened = Opened::open(loaded, &setup.data_dir, &base).await?;
        let listener = TcpListener::bind(setup.listen).await;
        let listener = listener.map_err(|error| HostError::Listen { address: setup.listen, error })?;
        let running = opened.begin(&base).await?;
        let server = Server::start_with(listener, running.routes());
        let server = server.map_err(|error| HostError::Listen { address: setup.listen, error })?;
        Ok(Host { server, running })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Every outcome from now on.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Recorded>> {
        self.running.recorder().watch()
    }

    /// By which it is given another container.
    pub fn reloader(&self) -> Reloader {
        self.running.reloader()
    }

    pub fn dead_letters(&self) -> &DeadLetters {
        self.running.letters()
    }

    /// Stops: no more requests, what is in flight is finished within a deadline, everything that ended is recorded. The rest
    /// stays in the journal.
    pub async fn stop(self) {
        self.server.stop().await;
        self.running.stop().await;
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
