//! The journal of accepted events, behind what a remote stream could offer too.

use std::sync::Arc;

use tokio::sync::watch;

use super::error::{AppendError, ReadError};
use super::log::{Appended, Log};
use super::read::ReadLimit;
use super::record::{NewRecord, Record};

/// What the collector and the tags need of a journal: append until durable, read by position, wait for more.
/// How far a tag has come is the cursor's matter. NATS JetStream fits it: a position is a stream
/// sequence, a key the `Nats-Msg-Id`, and a cursor a durable consumer's floor.
pub trait Journal: Send + Sync + 'static {
    /// Returns once all of `events` are durable, save for those whose key was accepted in the last 24 hours.
    fn append(&self, events: Vec<NewRecord>) -> impl Future<Output = Result<Appended, AppendError>> + Send;

    /// The events at `position` and after it, in order; positions may be missing. Removed ones are among them: they have to end for
    /// each tag.
    fn read_from(
        &self,
        position: u64,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<Vec<Arc<Record>>, ReadError>> + Send;

    /// The first position it can still hold.
    fn oldest_position(&self) -> u64;

    /// The last durable position, 0 when there is none, and each that follows.
    fn subscribe(&self) -> watch::Receiver<u64>;
}

/// The journal on this machine's disk.
#[derive(Clone, Debug)]
pub struct EventJournal {
    log: Log,
}

impl EventJournal {
    /// `log` is opened with [`Options::dedupe`](super::Options::dedupe).
    pub fn new(log: Log) -> Self {
        Self { log }
    }

    /// For retention and statistics.
    pub fn log(&self) -> &Log {
        &self.log
    }
}

impl Journal for EventJournal {
    fn append(&self, events: Vec<NewRecord>) -> impl Future<Output = Result<Appended, AppendError>> + Send {
        self.log.append(events, true)
    }

    fn read_from(
        &self,
        position: u64,
        limit: ReadLimit,
    ) -> impl Future<Output = Result<Vec<Arc<Record>>, ReadError>> + Send {
        self.log.read_with_removed(position, limit)
    }

    fn oldest_position(&self) -> u64 {
        self.log.oldest_position()
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.log.subscribe()
    }
}
