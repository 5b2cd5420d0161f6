//! The next segment's file, made and filled with zeros while this one is written to. A write to blocks that a file has already changes
//! nothing but their content, so its sync costs the disk two requests instead of the four of one that makes the file longer, and on
//! a file system with a journal of its own none of that one's commits.
//!
//! No zero is ever written into a segment: a file becomes one when all of it is durable, and then nobody but the writer has it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::disk::{Disk, TEMPORARY};
use super::segment::{HEADER_BYTES, header};
use super::shared::{Shared, lock};

/// A segment that fills more slowly is followed by one that grows as it is written: nobody waits for its few syncs, and its disk
/// is not made to hold zeros for a day.
const QUICK: Duration = Duration::from_secs(600);

/// Into how many parts the writing of a segment is divided, with each of which goes a part of the preparation.
const PARTS: u64 = 64;

/// After how many of them it begins: enough to know whether the segment fills quickly.
const BEGUN_AFTER: u64 = 8;

/// Into how many parts the preparation is divided. Fewer than remain, so that it is done before the segment is full. Of a segment of
/// 64 MiB each is a little more than one, for which an append's sync may have to wait.
const STEPS: u64 = 48;

/// What has to be free on the disk, in segments, for one to be made in advance.
const FREE: u64 = 16;

/// The zeros of one write.
static ZEROS: [u8; 256 << 10] = [0; 256 << 10];

/// The writer's side.
pub(super) struct Preparing {
    disk: Disk,
    dir: PathBuf,
    ready: Arc<Mutex<Option<File>>>,
    worker: Option<Worker>,
    /// How long the active segment is when the next step is due.
    due: u64,
    begun: Instant,
}

struct Worker {
    /// Of each step the size of the file to make.
    steps: SyncSender<u64>,
    thread: JoinHandle<()>,
}

impl Preparing {
    pub(super) fn new(disk: Disk, dir: &Path) -> Self {
        let dir = dir.to_owned();
        Preparing { disk, dir, ready: Arc::default(), worker: None, due: u64::MAX, begun: Instant::now() }
    }

    /// A segment has been begun that is sealed at so many bytes.
    pub(super) fn begin(&mut self, segment_bytes: u64) {
        self.begun = Instant::now();
        self.due = segment_bytes / PARTS * BEGUN_AFTER;
    }

    /// The segment has come to this length; does what is due then.
    pub(super) fn follow(&mut self, length: u64, segment_bytes: u64, shared: &Shared) {
        if length < self.due {
            return;
        }
        let quick = self.begun.elapsed() < QUICK.mul_f64(length as f64 / segment_bytes.max(1) as f64);
        if !quick || !has_room(&self.dir, segment_bytes, shared) {
            self.due = u64::MAX;
            return;
        }
        self.due = length + segment_bytes / PARTS;
        if self.worker.is_none() {
            self.worker = Worker::start(Preparation::new(&self.disk, &self.dir, &self.ready)).ok();
        }
        if let Some(worker) = &self.worker {
            // Where it does not keep up it comes later, and the next segment grows as it is written.
            let _ = worker.steps.try_send(segment_bytes);
        }
    }

    /// The file that is ready, under the name it gets.
    pub(super) fn take(&mut self, path: &Path) -> Option<io::Result<File>> {
        // Held until the file has its name: only then may the worker begin another under this one.
        let mut ready = lock(&self.ready);
        let file = ready.take()?;
        Some(self.disk.put(&prepared(&self.dir), path).map(|()| file))
    }

    /// Makes a whole one here and now, and none meanwhile.
    #[cfg(test)]
    pub(super) fn at_once(&mut self, segment_bytes: u64) {
        self.due = u64::MAX;
        let mut preparation = Preparation::new(&self.disk, &self.dir, &self.ready);
        while lock(&self.ready).is_none() && preparation.step(segment_bytes).is_ok() {}
    }
}

impl Drop for Preparing {
    fn drop(&mut self) {
        if let Some(Worker { steps, thread }) = self.worker.take() {
            drop(steps);
            let _ = thread.join();
        }
        if lock(&self.ready).take().is_some() {
            let _ = fs::remove_file(prepared(&self.dir));
        }
    }
}

impl Worker {
    fn start(preparation: Preparation) -> io::Result<Self> {
        let (steps, due) = sync_channel(PARTS as usize);
        let thread = thread::Builder::new().name("log-preparer".to_owned()).spawn(move || preparation.run(&due))?;
        Ok(Worker { steps, thread })
    }
}

/// A file in the making.
struct Preparation {
    disk: Disk,
    path: PathBuf,
    ready: Arc<Mutex<Option<File>>>,
    /// How much of it there is.
    file: Option<(File, u64)>,
}

impl Preparation {
    fn new(disk: &Disk, dir: &Path, ready: &Arc<Mutex<Option<File>>>) -> Self {
        Preparation { disk: disk.clone(), path: prepared(dir), ready: ready.clone(), file: None }
    }

    fn run(mut self, due: &Receiver<u64>) {
        for segment_bytes in due {
            if let Err(error) = self.step(segment_bytes) {
                // Appends go on without it, and say themselves what is wrong with the disk.
                tracing::debug!(path = %self.path.display(), %error, "the next segment cannot be prepared");
            }
        }
        if self.file.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Makes a part of it durable, and with the last one the whole of it ready. After a failure it is begun anew.
    fn step(&mut self, segment_bytes: u64) -> io::Result<()> {
        if lock(&self.ready).is_some() {
            return Ok(());
        }
        let done = self.lengthen(segment_bytes);
        if done.is_err() {
            self.file = None;
            let _ = fs::remove_file(&self.path);
        }
        done
    }

    fn lengthen(&mut self, segment_bytes: u64) -> io::Result<()> {
        let (file, mut length) = match self.file.take() {
            Some(begun) => begun,
            None => {
                // Never one that somebody may still have open.
                let _ = fs::remove_file(&self.path);
                let file = self.disk.make(&self.path)?;
                self.disk.write_at(&file, &header(), 0)?;
                (file, HEADER_BYTES)
            }
        };
        let until = (length + segment_bytes.div_ceil(STEPS)).min(segment_bytes);
        while length < until {
            let zeros = &ZEROS[..(until - length).min(ZEROS.len() as u64) as usize];
            self.disk.write_at(&file, zeros, length)?;
            length += zeros.len() as u64;
        }
        self.disk.sync(&file)?;
        if length < segment_bytes {
            self.file = Some((file, length));
        } else {
            *lock(&self.ready) = Some(file);
        }
        Ok(())
    }
}

fn prepared(dir: &Path) -> PathBuf {
    dir.join("next").with_extension(TEMPORARY)
}

/// Whether a file of this size takes room from nobody: neither from what the log may hold nor from what else is on the disk.
fn has_room(dir: &Path, segment_bytes: u64, shared: &Shared) -> bool {
    let used = shared.bytes.load(Ordering::Relaxed);
    let allowed = shared.bounds.max_bytes().is_none_or(|max| used.saturating_add(2 * segment_bytes) <= max);
    let free = rustix::fs::statvfs(dir).map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    allowed && free >= segment_bytes.saturating_mul(FREE)
}
