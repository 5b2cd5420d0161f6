//! Reload: puts a changed container into the place of the one in force, whole or not at all.
//!
//! Everything that can fail is done first, while the old container works on. Then requests go to the new one's collector, the
//! old one's tags stop as they do at a stop, what they recorded is settled, and the new one's tags take up what has no
//! outcome. So every run of an event through a tag is wholly the old container's or wholly the new one's.

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::container::{Loaded, Report};
use crate::dispatch::Dispatcher;
use crate::ground::{Compiled, Ground};
use crate::host::TagsError;
use crate::journal::CursorFileError;
use crate::limits::{HAND_OVER_TIMEOUT, STOP_TIMEOUT};

/// Why a changed container was not taken. The one before it stays in force, whole.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error(transparent)]
    Container(#[from] Report),
    #[error(
        "the container is named `{from}` and the changed file names it `{to}`: duplicates are told by the name, so it cannot \
         change while the host runs; put the name back, or restart the host"
    )]
    Renamed { from: String, to: String },
    #[error(transparent)]
    Tags(#[from] TagsError),
    #[error("the tags' places in the journal cannot be written down: {0}")]
    Cursors(#[from] CursorFileError),
    #[error("the host is stopping")]
    Stopping,
}

/// Asks a running host to take another container.
#[derive(Clone)]
pub struct Reloader {
    requests: mpsc::Sender<Request>,
}

/// What is asked for, and whom to tell what became of it.
enum Request {
    /// What was found where the container is read from.
    Reload {
        found: Box<Result<Loaded, Report>>,
        done: oneshot::Sender<Result<(), ReloadError>>,
    },
    Renew {
        done: oneshot::Sender<()>,
    },
}

/// What a [`Reloader`] and the task that it asks have between them.
pub(crate) struct Waiting(mpsc::Receiver<Request>);

/// The tags at work, and the task that changes them.
pub(crate) struct Reloads {
    reloader: Reloader,
    stopping: watch::Sender<bool>,
    task: JoinHandle<()>,
}

struct Task {
    ground: Ground,
    compiled: Compiled,
    dispatcher: Dispatcher,
    stopping: watch::Receiver<bool>,
}

impl Reloader {
    /// Puts a container in force; one with mistakes changes nothing, and the log and the status say why. Returns when the new
    /// one's tags work.
    ///
    /// # Errors
    /// When nothing was changed.
    pub async fn reload(&self, found: Result<Loaded, Report>) -> Result<(), ReloadError> {
        let (done, result) = oneshot::channel();
        self.requests
            .send(Request::Reload { found: Box::new(found), done })
            .await
            .map_err(|_| ReloadError::Stopping)?;
        result.await.unwrap_or(Err(ReloadError::Stopping))
    }

    /// Stops the tags as a reload does, and starts them again: what they held of the journal is let go, and what they did is on
    /// record when this returns.
    ///
    /// # Errors
    /// When the host is stopping.
    pub async fn renew(&self) -> Result<(), ReloadError> {
        let (done, result) = oneshot::channel();
        self.requests.send(Request::Renew { done }).await.map_err(|_| ReloadError::Stopping)?;
        result.await.map_err(|_| ReloadError::Stopping)
    }

    /// One, and what the host's tags are [started](Reloads::start) with.
    pub(crate) fn new() -> (Self, Waiting) {
        // One at a time; who asks meanwhile waits.
        let (requests, waiting) = mpsc::channel(1);
        (Reloader { requests }, Waiting(waiting))
    }
}

impl Reloads {
    /// Starts a container's tags.
    pub(crate) fn start(ground: Ground, compiled: Compiled, reloader: Reloader, waiting: Waiting) -> Self {
        let (stopping, stop) = watch::channel(false);
        let dispatcher = ground.dispatch(&compiled);
        let task = Task { ground, compiled, dispatcher, stopping: stop };
        Reloads { reloader, stopping, task: tokio::spawn(task.run(waiting)) }
    }

    pub(crate) fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// Gives up a reload that is under way, and stops the tags.
    pub(crate) async fn stop(self) {
        self.stopping.send_replace(true);
        let _ = self.task.await;
    }
}

impl Task {
    async fn run(mut self, Waiting(mut requests): Waiting) {
        let mut stopping = self.stopping.clone();
        loop {
            let request = tokio::select! {
                biased;
                () = stopped(&mut stopping) => break,
                Some(request) = requests.recv() => request,
            };
            let (found, done) = match request {
                Request::Reload { found, done } => (found, done),
                Request::Renew { done } => {
                    if self.renew().await.is_ok() {
                        let _ = done.send(());
                    }
                    continue;
                }
            };
            let result = self.reload(*found).await;
            let label = if result.is_ok() { "taken" } else { "refused" };
            let labels = self.ground.labels.with([("result", label.to_owned())]);
            metrics::counter!("tagyard_reloads_total", labels).increment(1);
            if let Err(error) = &result {
                tracing::error!("the container was not reloaded, the one before stays in force: {error}");
                self.ground.live.set_failed(error.to_string());
            }
            // Nobody has to be waiting for it.
            let _ = done.send(result);
        }
        self.dispatcher.stop(STOP_TIMEOUT).await;
    }

    async fn reload(&mut self, found: Result<Loaded, Report>) -> Result<(), ReloadError> {
        let compiled = self.compile(found?).await?;
        let names = compiled.names();
        // A new tag begins with the next event. Written down before anything stops: it is the last thing that can fail.
        let recorder = self.ground.recorder.clone();
        recorder.add_tags(&names, self.ground.journal.log().durable_position() + 1).await?;

        self.ground.collect(&compiled);
        self.stop_tags().await?;
        recorder.hand_over(&names).await;
        self.dispatcher = self.ground.dispatch(&compiled);
        self.ground.live.put_in_force(compiled.in_force());
        tracing::info!(container = compiled.container.name, tags = names.len(), "the container was reloaded");
        self.compiled = compiled;
        Ok(())
    }

    /// The same container's tags begin anew.
    async fn renew(&mut self) -> Result<(), ReloadError> {
        self.stop_tags().await?;
        self.ground.recorder.settle_sent().await;
        self.ground.recorder.hand_over(&self.compiled.names()).await;
        self.ground.decoded.clear();
        self.dispatcher = self.ground.dispatch(&self.compiled);
        Ok(())
    }

    /// As at a stop. When this returns, what they did is recorded.
    async fn stop_tags(&mut self) -> Result<(), ReloadError> {
        let mut stopping = self.stopping.clone();
        let (dispatcher, recorder) = (&mut self.dispatcher, &self.ground.recorder);
        let handed_over = async {
            dispatcher.hand_over(HAND_OVER_TIMEOUT).await;
            recorder.settle().await;
        };
        tokio::select! {
            biased;
            () = stopped(&mut stopping) => Err(ReloadError::Stopping),
            () = handed_over => Ok(()),
        }
    }

    /// Compiles the tags while the old ones work on.
    async fn compile(&self, loaded: Loaded) -> Result<Compiled, ReloadError> {
        let from = &self.ground.live.in_force().container;
        if loaded.container.name != *from {
            return Err(ReloadError::Renamed { from: from.clone(), to: loaded.container.name });
        }
        let (sandbox, env) = (self.ground.sandbox.clone(), self.ground.env);
        let compiling = tokio::task::spawn_blocking(move || Compiled::new(&loaded, &sandbox, env));
        // A blocking task is not run any more once the process ends.
        Ok(compiling.await.map_err(|_| ReloadError::Stopping)??)
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // A host that is gone has stopped.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
