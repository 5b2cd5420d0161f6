//! Identity links: which anonymous ids belong to which user, kept so that later events of either have both.
//!
//! A thread of its own reads and writes them, so that no disk holds up the collector's. An event waits for its look-up a little
//! while; where the disk takes longer, fails, or is still being looked through after a crash, it goes on without, which is counted.

mod keeper;
mod store;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;
use jiff::Timestamp;
use metrics::Counter;
use tagyard_pipeline::container::identity::Links as Limits;
use tagyard_pipeline::identity::links::{Known, Link, Who};
use tokio::sync::oneshot;

use keeper::Ask;
pub use store::{KeptLink, Store, StoreError};

/// The longest an event waits for its links. Many times what a look-up takes, and about as long as a client may notice.
const WAIT: Duration = Duration::from_millis(100);

/// Questions and links that wait for the thread. Beyond it events go on without: the disk is far behind.
const WAITING: usize = 1_024;

/// The links of one data directory. Cheap to clone.
#[derive(Clone)]
pub struct Links(Arc<Shared>);

struct Shared {
    data_dir: PathBuf,
    /// The thread's queue, while there is one.
    keeper: Mutex<Option<Sender<Ask>>>,
    /// Whether look-ups are answered at the moment, as far as is known.
    is_answering: Arc<AtomicBool>,
    known: Counter,
    unknown: Counter,
    failed: Counter,
}

/// Why the links of a running host cannot be looked at or removed.
#[derive(Debug, thiserror::Error)]
pub enum LinksError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the links are being closed")]
    Closed,
}

impl Links {
    /// Opens nothing yet: a container that links nothing costs no thread and no file.
    pub fn new(data_dir: &Path) -> Self {
        let lookups = |result| metrics::counter!("tagyard_identity_lookups_total", "result" => result);
        Links(Arc::new(Shared {
            data_dir: data_dir.to_owned(),
            keeper: Mutex::default(),
            is_answering: Arc::new(AtomicBool::new(true)),
            known: lookups("known"),
            unknown: lookups("unknown"),
            failed: lookups("failed"),
        }))
    }

    /// Begins to keep links, within these limits from now on.
    pub fn open(&self, limits: Limits) {
        let keeper = self.keeper();
        // A keeper that is that far behind has its limits from when it began.
        let _ = keeper.map(|keeper| keeper.try_send(Ask::Limit(limits)));
    }

    /// What is known of these. Those that could not be looked up are not among it.
    pub async fn known(&self, questions: Vec<Who>) -> Known {
        if questions.is_empty() {
            return Known::new();
        }
        let asked = questions.len() as u64;
        let answer = async {
            let keeper = self.started().filter(|_| self.0.is_answering.load(Ordering::Relaxed))?;
            let (reply, answer) = oneshot::channel();
            keeper.try_send(Ask::Known { questions, reply }).ok()?;
            let Ok(answer) = tokio::time::timeout(WAIT, answer).await else {
                // Others need not wait as long, until the thread has caught up.
                self.0.is_answering.store(false, Ordering::Relaxed);
                return None;
            };
            answer.ok()
        };
        let Some(known) = answer.await else {
            self.0.failed.increment(asked);
            return Known::new();
        };
        self.0.known.increment(known.len() as u64);
        self.0.unknown.increment(asked.saturating_sub(known.len() as u64));
        known
    }

    /// Keeps links from now on; nobody waits for the disk.
    pub fn keep(&self, links: Vec<Link>, at: Timestamp) {
        if links.is_empty() {
            return;
        }
        let count = links.len() as u64;
        if self.started().and_then(|keeper| keeper.try_send(Ask::Keep { links, at }).ok()).is_none() {
            keeper::lost(count);
        }
    }

    /// The links of these ids; none where none were ever kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn of(&self, ids: Vec<Who>) -> Result<Vec<KeptLink>, LinksError> {
        if !Store::exists(&self.0.data_dir) {
            return Ok(Vec::new());
        }
        self.ask(|reply| Ask::Of { ids, reply }).await
    }

    /// Removes the links of these ids from the disk, for good, and returns them.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub async fn forget(&self, ids: Vec<Who>) -> Result<Vec<KeptLink>, LinksError> {
        if !Store::exists(&self.0.data_dir) {
            return Ok(Vec::new());
        }
        self.ask(|reply| Ask::Forget { ids, reply }).await
    }

    /// Writes down what is to be kept, and closes the file.
    pub async fn close(&self) {
        let keeper = self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(keeper) = keeper else { return };
        let (reply, closed) = oneshot::channel();
        let sending = tokio::task::spawn_blocking(move || keeper.send(Ask::Close { reply }));
        if sending.await.is_ok_and(|sent| sent.is_ok()) {
            let _ = closed.await;
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(oneshot::Sender<Result<T, LinksError>>) -> Ask,
    ) -> Result<T, LinksError> {
        let keeper = self.keeper().ok_or(LinksError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let ask = ask(reply);
        // A person waits for it, and the queue may be full.
        let sending = tokio::task::spawn_blocking(move || keeper.send(ask));
        sending.await.ok().and_then(Result::ok).ok_or(LinksError::Closed)?;
        answer.await.unwrap_or(Err(LinksError::Closed))
    }

    /// The thread's queue, if it was started.
    fn started(&self) -> Option<Sender<Ask>> {
        self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, and it is started if it was not.
    fn keeper(&self) -> Option<Sender<Ask>> {
        let mut keeper = self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        if keeper.is_none() {
            *keeper = keeper::start(self.0.data_dir.clone(), self.0.is_answering.clone(), WAITING);
        }
        keeper.clone()
    }
}
