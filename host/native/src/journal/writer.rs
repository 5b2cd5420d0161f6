//! The thread that owns the end of the log.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::dedupe::Dedupe;
use super::disk::Disk;
use super::doubtful::Doubtful;
use super::error::{AppendError, StorageFault, fault};
use super::group::{Append, Group, Room};
use super::lock::DirLock;
use super::options::{Durability, Options};
use super::pace::Pace;
use super::prepared::Preparing;
use super::segment::{HEADER_BYTES, Segment, header};
use super::shared::{Shared, lock};

/// What one write carries at most, unless a single append is larger: tens of milliseconds of disk,
/// so that the first of them does not wait for a queue that never ends.
pub(super) const GROUP_BYTES: usize = 8 << 20;

/// How long a flushed record may wait for its fsync.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) enum Command {
    Append(Append),
    /// Fsync what has been written.
    Sync(oneshot::Sender<Result<(), StorageFault>>),
    /// Begin a new segment if this one holds anything, so that retention can delete it.
    Seal(oneshot::Sender<()>),
}

/// The segment written to, and the offset behind its last good record.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) file: File,
    pub(super) segment: Arc<Segment>,
    pub(super) length: u64,
}

pub(super) struct Writer {
    pub(super) disk: Disk,
    pub(super) shared: Arc<Shared>,
    pub(super) options: Options,
    pub(super) dedupe: Option<Dedupe>,
    /// `None`: the next append begins a new segment.
    pub(super) active: Option<Active>,
    pub(super) next: u64,
    /// Since when written bytes wait for their fsync.
    pub(super) unsynced: Option<Instant>,
    pub(super) doubtful: Doubtful,
    /// How many appends are about: as many as a group had and came while it was synced. Of its last value an eighth goes at most, since some
    /// are always elsewhere, being parsed or answered.
    pub(super) company: usize,
    pub(super) pace: Pace,
    /// `None` where an append is answered before its fsync, which nobody waits for, then.
    pub(super) preparing: Option<Preparing>,
    pub(super) _lock: DirLock,
}

/// Where so many appends came together last time, the next group is given a moment to gather. A sync costs the machine as much for
/// one event as for sixty, and while the processors are busy with it fewer come to share the next one.
const GATHER_FROM: usize = 8;
/// How long it is waited for them at most: little beside a network.
const GATHER: Duration = Duration::from_micros(1_200);

impl Writer {
    /// Until every sender is gone; then what is written is made durable and the lock is freed.
    pub(super) fn run(mut self, commands: &Receiver<Command>) {
        let mut buffer = Vec::new();
        loop {
            let most = self.gather();
            let command = match self.unsynced {
                None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(since) => commands.recv_timeout(FLUSH_EVERY.saturating_sub(since.elapsed())),
            };
            buffer = match command {
                Ok(command) => self.serve(command, commands, most, buffer),
                Err(RecvTimeoutError::Timeout) => buffer,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if self.unsynced.is_some_and(|since| since.elapsed() >= FLUSH_EVERY) {
                let _ = self.sync();
            }
        }
        let _ = self.sync();
        if let Some(active) = &self.active {
            self.trim(active);
        }
    }

    /// Takes what waits, as far as one write goes but no more than `most` appends, and answers all of it.
    fn serve(&mut self, command: Command, commands: &Receiver<Command>, most: usize, buffer: Vec<u8>) -> Vec<u8> {
        let begun = Instant::now();
        let mut group = Group::new(self.next, buffer);
        let mut following = Some(command);
        while let Some(Command::Append(append)) = following.take_if(|it| matches!(it, Command::Append(_))) {
            self.shared.waiting.fetch_sub(append.bytes(), Ordering::Relaxed);
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            let room = Room { used: self.shared.bytes.load(Ordering::Relaxed), max: self.shared.bounds.max_bytes() };
            group.add(append, self.dedupe.as_mut(), room);
            let has_room = group.buffer.len() < GROUP_BYTES && group.appends() < most;
            following = has_room.then(|| commands.try_recv().ok()).flatten();
        }
        let carried = group.appends();
        let buffer = self.commit(group);
        let seen = carried + self.shared.queued.load(Ordering::Relaxed);
        self.company = seen.max(self.company - self.company / 8);
        self.pace.note(begun, carried, self.company);
        match following {
            Some(Command::Sync(done)) => {
                let _ = done.send(self.sync());
            }
            Some(Command::Seal(done)) => {
                self.seal();
                self.active = self.ready().ok();
                let _ = done.send(());
            }
            Some(Command::Append(_)) | None => {}
        }
        buffer
    }

    /// Waits until half of those that were there last time have come again. Returns how many the next group takes at most. It comes
    /// before the look into the queue: whoever sleeps there is woken for the first append, only to sleep again until there are enough.
    fn gather(&mut self) -> usize {
        if self.options.durability != Durability::Fsync || self.company < GATHER_FROM {
            return usize::MAX;
        }
        if self.shared.gathering.wait(&self.shared.queued, self.company / 2, GATHER) == 0 {
            // They are gone, and whoever comes next is not kept waiting for them.
            self.company = 0;
            return usize::MAX;
        }
        self.pace.most(self.company)
    }

    fn commit(&mut self, group: Group) -> Vec<u8> {
        if group.records.is_empty() {
            return group.succeed();
        }
        let written = self.write(&group);
        let before = std::mem::replace(&mut *lock(&self.shared.fault), written.as_ref().err().cloned());
        // Said once, not with each of the thousands of appends that fail while the disk is full.
        match (&before, &written) {
            (None, Err(error)) => tracing::error!(%error, "nothing can be appended; each append tries again"),
            (Some(_), Ok(())) => tracing::info!(dir = %self.shared.dir.display(), "appends succeed again"),
            _ => {}
        }
        if let Err(error) = written {
            return group.fail(&AppendError::Storage(error), self.dedupe.as_mut());
        }
        self.next = group.next();
        let mut tail = lock(&self.shared.tail);
        group.records.iter().for_each(|record| tail.push(record.clone()));
        drop(tail);
        self.shared.durable.send_replace(self.next - 1);
        group.succeed()
    }

    /// All of the group, or nothing of it.
    fn write(&mut self, group: &Group) -> Result<(), StorageFault> {
        let mut active = self.ready()?;
        let path = active.segment.path.clone();
        let durability = self.options.durability;
        if let Err(error) = self.disk.write_at(&active.file, &group.buffer, active.length) {
            // Take the half-written records off again; if that fails too, a new segment makes them invisible.
            if self.disk.truncate(&active.file, active.length).is_ok() {
                self.active = Some(active);
            } else {
                // What was answered before is in there.
                let _ = self.sync_active(&active);
            }
            return Err(StorageFault::new("write to", &path, &error));
        }
        if durability == Durability::Fsync {
            // After a failed fsync the kernel may have dropped the pages and call the next one a
            // success: this file is not written to again.
            if let Err(error) = self.disk.sync(&active.file) {
                let _ = self.disk.truncate(&active.file, active.length);
                return Err(StorageFault::new("sync", &path, &error));
            }
        } else {
            self.unsynced.get_or_insert_with(Instant::now);
        }
        let mut offset = active.length;
        for record in &group.records {
            active.segment.note(record.position, record.received_at_ms, offset);
            offset += record.disk_bytes() as u64;
        }
        active.length = offset;
        active.segment.set_visible(offset);
        self.shared.bytes.fetch_add(group.buffer.len() as u64, Ordering::Relaxed);
        if let Some(preparing) = &mut self.preparing {
            preparing.follow(active.length, self.shared.bounds.segment_bytes(), &self.shared);
        }
        self.active = Some(active);
        Ok(())
    }

    /// Takes the segment to write to, begun anew if there is none or it is full.
    pub(super) fn ready(&mut self) -> Result<Active, StorageFault> {
        if self.active.as_ref().is_some_and(|active| self.is_full(active)) {
            self.seal();
        }
        if let Some(active) = self.active.take() {
            return Ok(active);
        }
        let segment = Arc::new(Segment::new(&self.shared.dir, self.next, HEADER_BYTES));
        let segment_bytes = self.shared.bounds.segment_bytes();
        let prepared = self.preparing.as_mut().and_then(|preparing| {
            preparing.begin(segment_bytes);
            #[cfg(test)]
            if self.options.prepare_at_once {
                preparing.at_once(segment_bytes);
            }
            preparing.take(&segment.path)
        });
        let made = prepared.unwrap_or_else(|| self.disk.create(&segment.path, &header()));
        let file = made.map_err(fault("begin the segment", &segment.path))?;
        self.shared.change_segments(|segments| {
            // An empty one of the same name was replaced.
            segments.retain(|other| other.first < segment.first);
            segments.push(segment.clone());
        });
        self.shared.bytes.fetch_add(HEADER_BYTES, Ordering::Relaxed);
        Ok(Active { file, segment, length: HEADER_BYTES })
    }

    fn is_full(&self, active: &Active) -> bool {
        let holds = active.length > HEADER_BYTES;
        let age_ms = self.shared.segment_age_ms;
        let old = || active.segment.first_at().is_some_and(|at| now_ms().saturating_sub(at) > age_ms);
        holds && (active.length >= self.shared.bounds.segment_bytes() || old())
    }

    /// The segment is complete and, since a start looks only at the last one, durable.
    fn seal(&mut self) {
        if self.active.as_ref().is_some_and(|active| active.length > HEADER_BYTES) {
            let _ = self.sync();
            if let Some(active) = self.active.take() {
                self.trim(&active);
            }
        }
    }

    /// Gives back what was prepared of the segment and not written to. Nothing is lost where that fails: the next segment's name says
    /// where this one's records end.
    pub(super) fn trim(&self, active: &Active) {
        if active.file.metadata().is_ok_and(|file| file.len() > active.length) {
            let trimmed = self.disk.truncate(&active.file, active.length).and_then(|()| self.disk.sync(&active.file));
            if let Err(error) = trimmed {
                tracing::warn!(segment = %active.segment.path.display(), %error, "a sealed segment is longer than its records");
            }
        }
    }

    /// Makes all that was answered durable.
    fn sync(&mut self) -> Result<(), StorageFault> {
        if let Some(active) = self.active.take() {
            self.sync_active(&active)?;
            self.active = Some(active);
        }
        self.doubtful.renew(&self.disk, &self.shared)
    }

    /// To a segment that fails in this nothing is written any more.
    fn sync_active(&mut self, active: &Active) -> Result<(), StorageFault> {
        if self.unsynced.take().is_none() {
            return Ok(());
        }
        let synced = self.disk.sync(&active.file).map_err(fault("sync", &active.segment.path));
        if let Err(error) = &synced {
            tracing::error!(%error, "records that were answered may not outlive a loss of power");
            self.doubtful.add(&active.segment);
        }
        synced
    }
}

pub(super) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
