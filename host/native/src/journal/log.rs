//! A log: append to it, read from it, wait for more.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use tokio::sync::{oneshot, watch};

use super::disk::Disk;
use super::error::{AppendError, OpenError, ReadError, StorageFault, fault};
use super::group::Append;
use super::options::Options;
use super::read::{self, ReadLimit};
use super::record::{MAX_PAYLOAD_BYTES, NewRecord, Record};
use super::recover::{self, Recovery};
use super::retain::{self, Retain};
use super::rewrite::veiled;
use super::shared::{Shared, lock};
use super::writer::Command;

/// Appends that may wait for the writer.
const WAITING_APPENDS: usize = 4096;
/// What a request of the largest size comes to on disk, about.
pub const LARGE_APPEND_BYTES: u64 = 512 * 1024;
/// What those may weigh; beyond either, [`AppendError::Busy`].
const WAITING_BYTES: usize = 64 << 20;

/// A durable, append-only log. Cheap to clone. When the last clone is dropped, what waits is
/// written, made durable, and the directory's lock is freed, before the drop returns.
#[derive(Clone, Debug)]
pub struct Log {
    inner: Arc<Inner>,
}

/// What became of an append's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub accepted: u32,
    pub duplicates: u32,
    /// The position of the first accepted record; the others follow it without a gap.
    pub first: u64,
}

/// How the log is, for `status`, `/readyz` and metrics.
#[derive(Clone, Debug)]
pub struct Stats {
    /// The first position the log can still hold.
    pub oldest: u64,
    /// The last durable position; 0 when there is none.
    pub durable: u64,
    pub bytes: u64,
    /// What it may hold; `None` for no limit.
    pub max_bytes: Option<u64>,
    /// Damaged places found since the start.
    pub damaged: u64,
    /// Why the last append failed; `None` once one has succeeded.
    pub fault: Option<StorageFault>,
}

impl Stats {
    /// Whether it is so near to its limit that a large append would be refused.
    pub fn is_full(&self) -> bool {
        self.max_bytes.is_some_and(|max| self.bytes.saturating_add(LARGE_APPEND_BYTES) > max)
    }
}

impl Log {
    /// Opens the log in `dir`, made if missing, and mends its end. Blocks on the disk: for
    /// seconds where a day's keys have to be read for de-duplication.
    ///
    /// # Errors
    /// When the directory is in use, cannot be read, or was written by a newer version. No
    /// damage to a segment is an error: it is in the [`Recovery`].
    pub fn open(dir: impl Into<PathBuf>, options: Options) -> Result<(Self, Recovery), OpenError> {
        let dir = dir.into();
        let (writer, recovery) = recover::open(&dir, options)?;
        let (shared, disk) = (writer.shared.clone(), writer.disk.clone());
        let (commands, queue) = sync_channel(WAITING_APPENDS);
        let thread = thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run(&queue))
            .map_err(fault("start the writer of", &dir))?;
        let inner = Inner { shared, disk, commands: Some(commands), thread: Some(thread) };
        Ok((Self { inner: Arc::new(inner) }, recovery))
    }

    /// Appends all of `records` or none, and returns when they are as durable as the log's
    /// [`Durability`](super::Durability) says. With `dedupe`, records whose key was accepted in
    /// the last 24 hours are counted and left out; they are durable too when this returns.
    /// The append goes on when the future is dropped.
    ///
    /// # Errors
    /// See [`AppendError`]; nothing was accepted then, though after a crash in the same
    /// moment some of it may be found in the log.
    pub async fn append(&self, records: Vec<NewRecord>, dedupe: bool) -> Result<Appended, AppendError> {
        if let Some((index, record)) =
            records.iter().enumerate().find(|(_, record)| record.payload.len() > MAX_PAYLOAD_BYTES)
        {
            return Err(AppendError::TooLarge { index, bytes: record.payload.len() });
        }
        let (done, answer) = oneshot::channel();
        let append = Append { records, dedupe, done };
        let bytes = append.bytes();
        let waiting = &self.inner.shared.waiting;
        let queued = &self.inner.shared.queued;
        let before = waiting.fetch_add(bytes, Ordering::Relaxed);
        let company = queued.fetch_add(1, Ordering::SeqCst) + 1;
        let sent = if before > 0 && before.saturating_add(bytes) > WAITING_BYTES {
            Err(AppendError::Busy)
        } else {
            self.inner.try_send(Command::Append(append))
        };
        if let Err(error) = sent {
            waiting.fetch_sub(bytes, Ordering::Relaxed);
            queued.fetch_sub(1, Ordering::Relaxed);
            return Err(error);
        }
        self.inner.shared.gathering.tell(company);
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    /// The durable records at `position` and after it, in order; empty at the head. Positions may be missing, as those of
    /// removed records are.
    ///
    /// # Errors
    /// When a segment cannot be read; trying again is harmless.
    pub async fn read_from(&self, mut position: u64, limit: ReadLimit) -> Result<Vec<Arc<Record>>, ReadError> {
        loop {
            let mut records = self.read_with_removed(position, limit).await?;
            let Some(last) = records.last().map(|record| record.position) else { return Ok(records) };
            records.retain(|record| !record.is_removed());
            if !records.is_empty() {
                return Ok(records);
            }
            position = last + 1;
        }
    }

    /// The same with those that were [removed](Record::is_removed).
    ///
    /// # Errors
    /// When a segment cannot be read; trying again is harmless.
    pub async fn read_with_removed(&self, position: u64, limit: ReadLimit) -> Result<Vec<Arc<Record>>, ReadError> {
        // The one of before as well: it may have been lifted since the read began with the old file.
        let before = self.veil();
        let records = self.read_as_it_lies(position, limit).await?;
        Ok(veiled(veiled(records, before.as_ref()), self.veil().as_ref()))
    }

    async fn read_as_it_lies(&self, position: u64, limit: ReadLimit) -> Result<Vec<Arc<Record>>, ReadError> {
        if let Some(records) = lock(&self.inner.shared.tail).read(position, limit) {
            return Ok(records);
        }
        let shared = self.inner.shared.clone();
        let reading = tokio::task::spawn_blocking(move || read::read(&shared, position, limit));
        reading.await.unwrap_or(Err(ReadError::Closed))
    }

    /// The last durable position; 0 when there is none.
    pub fn durable_position(&self) -> u64 {
        *self.inner.shared.durable.borrow()
    }

    /// Tells of each new [`Self::durable_position`].
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.shared.durable.subscribe()
    }

    /// The first position the log can still hold.
    pub fn oldest_position(&self) -> u64 {
        let oldest = self.inner.shared.segments().first().map(|segment| segment.first);
        oldest.unwrap_or_else(|| self.durable_position() + 1)
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.inner.shared.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.inner.shared.clone()
    }

    /// From now on appends are refused beyond `max_bytes`, and segments are sealed at `segment_bytes`.
    pub fn set_bounds(&self, max_bytes: Option<u64>, segment_bytes: u64) {
        self.inner.shared.bounds.change(max_bytes, segment_bytes);
    }

    pub fn stats(&self) -> Stats {
        Stats {
            oldest: self.oldest_position(),
            durable: self.durable_position(),
            bytes: self.bytes(),
            max_bytes: self.inner.shared.bounds.max_bytes(),
            damaged: self.inner.shared.damaged.load(Ordering::Relaxed),
            fault: lock(&self.inner.shared.fault).clone(),
        }
    }

    /// Makes everything appended so far survive a loss of power.
    ///
    /// # Errors
    /// When the fsync fails, or the log is too busy to be asked.
    pub async fn sync(&self) -> Result<(), AppendError> {
        let (done, answer) = oneshot::channel();
        self.inner.try_send(Command::Sync(done))?;
        Ok(answer.await.map_err(|_| AppendError::Closed)??)
    }

    /// Begins a new segment, if the last one holds anything.
    pub(super) async fn seal(&self) -> Result<(), AppendError> {
        let (done, answer) = oneshot::channel();
        self.inner.try_send(Command::Seal(done))?;
        answer.await.map_err(|_| AppendError::Closed)
    }

    /// Deletes the oldest segments as far as `retain` allows, and returns the bytes freed.
    ///
    /// # Errors
    /// When a file cannot be deleted; those before it are gone.
    pub async fn retain(&self, retain: Retain) -> Result<u64, ReadError> {
        if retain::wants_seal(&self.inner.shared, &retain) {
            // A log that is too busy for it is not quiet.
            let _ = self.seal().await;
        }
        let inner = self.inner.clone();
        let deleting = tokio::task::spawn_blocking(move || {
            let _one_at_a_time = lock(&inner.shared.deleting);
            retain::delete(&inner.shared, &retain)
        });
        deleting.await.map_err(|_| ReadError::Closed)?.map_err(ReadError::Storage)
    }
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) shared: Arc<Shared>,
    pub(super) disk: Disk,
    commands: Option<SyncSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Inner {
    fn try_send(&self, command: Command) -> Result<(), AppendError> {
        let Some(commands) = &self.commands else { return Err(AppendError::Closed) };
        commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => AppendError::Busy,
            TrySendError::Disconnected(_) => AppendError::Closed,
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
