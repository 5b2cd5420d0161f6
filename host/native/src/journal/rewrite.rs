//! Giving records other payloads, or none: what a person may ask for of the events about them.
//!
//! Segments are never changed in place. One that holds such a record is written anew (`copy.rs`), record for record at the same
//! positions.

use std::fs::{self, File};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::copy::write_anew;
use super::error::{AppendError, StorageFault};
use super::log::{Inner, Log};
use super::ranges::Ranges;
use super::record::{REMOVED, Record};
use super::scan::Found;
use super::segment::{HEADER_BYTES, REPLACED, Segment};
use super::shared::lock;
use super::traces::Traces;

/// How often, and how long apart, a log that is too busy to begin a new segment is asked again: some seconds.
const SEAL_ATTEMPTS: usize = 100;
const SEAL_PAUSE: Duration = Duration::from_millis(50);

/// Which records get another payload.
#[derive(Clone)]
pub struct Rewrite {
    records: Ranges,
    payload: Arc<dyn Fn(&Record) -> Bytes + Send + Sync>,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    pub records: u64,
    pub segments: u64,
    /// Damaged bytes in which there were [`Traces`]; nothing is in them any more.
    pub wiped: u64,
    /// Copies of damaged bytes that were deleted for the same reason.
    pub copies: u64,
}

/// Why not all of it was done. What was done is whole, and the same may be asked for again.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    #[error(transparent)]
    Storage(#[from] StorageFault),
    #[error("a new segment could not be begun: {0}")]
    Seal(#[from] AppendError),
    #[error("the rewriting was abandoned: the host is stopping")]
    Closed,
}

/// While it is held, readers find the records as they will be.
#[must_use]
pub struct Veil(Arc<Inner>);

impl Drop for Veil {
    fn drop(&mut self) {
        *lock(&self.0.shared.veil) = None;
    }
}

impl Rewrite {
    /// Removes records. Their positions, times and keys stay.
    pub fn remove(records: Ranges) -> Self {
        Rewrite { records, payload: Arc::new(|_| REMOVED) }
    }

    /// Gives records another payload, which is no longer than the most that one may have.
    pub fn replace(records: Ranges, payload: impl Fn(&Record) -> Bytes + Send + Sync + 'static) -> Self {
        Rewrite { records, payload: Arc::new(payload) }
    }

    /// The record with its other payload; `None` for one that stays as it is.
    pub(super) fn of(&self, record: &Record) -> Option<Record> {
        if !self.records.contains(record.position) || record.is_removed() {
            return None;
        }
        let payload = (self.payload)(record);
        (payload != record.payload).then(|| Record { payload, ..record.clone() })
    }
}

impl std::fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rewrite").field("records", &self.records).finish_non_exhaustive()
    }
}

impl Log {
    /// Has readers find records as [`Self::rewrite`] will make them, from now on. There is one at a time.
    pub fn hide(&self, rewrite: Rewrite) -> Veil {
        *lock(&self.inner().shared.veil) = Some(rewrite);
        Veil(self.inner().clone())
    }

    /// Gives records other payloads, and makes it durable: when this returns, what they held is in none of the log's files. The same
    /// goes for damaged bytes, also for copies of them, in which one of `traces` is found.
    ///
    /// # Errors
    /// When a file cannot be read or written. What was done stays done.
    pub async fn rewrite(&self, rewrite: &Rewrite, traces: &Traces) -> Result<Rewritten, RewriteError> {
        self.seal_patiently().await?;
        let shared = &self.inner().shared;
        let mut done = Rewritten::default();
        for segment in shared.segments().iter() {
            let (inner, rewrite, traces, first) =
                (self.inner().clone(), rewrite.clone(), traces.clone(), segment.first);
            let one = tokio::task::spawn_blocking(move || rewrite_segment(&inner, first, &rewrite, &traces));
            done.add(one.await.map_err(|_| RewriteError::Closed)??);
        }
        // Not before: who asks again after a failure has to find what is left.
        lock(&shared.tail).rewrite(rewrite);
        let (inner, traces) = (self.inner().clone(), traces.clone());
        let copies = tokio::task::spawn_blocking(move || copies(&inner, &traces, true));
        done.copies = copies.await.map_err(|_| RewriteError::Closed)??;
        Ok(done)
    }

    /// How much of damaged bytes, and of copies of them, has traces in it.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn traced(&self, traces: &Traces) -> Result<Rewritten, RewriteError> {
        let (inner, traces) = (self.inner().clone(), traces.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let segments = inner.shared.segments();
            let mut found = Rewritten { copies: copies(&inner, &traces, false)?, ..Rewritten::default() };
            for (at, segment) in segments.iter().enumerate() {
                let until = segments.get(at + 1).map(|next| next.first);
                match traced_bytes(segment, until, &traces) {
                    Ok(bytes) => found.wiped += bytes,
                    // Retention was quicker, or another one who forgets.
                    Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | REPLACED) => {}
                    Err(error) => return Err(StorageFault::new("read", &segment.path, &error)),
                }
            }
            Ok(found)
        });
        Ok(looking.await.map_err(|_| RewriteError::Closed)??)
    }

    pub(super) fn veil(&self) -> Option<Rewrite> {
        lock(&self.inner().shared.veil).clone()
    }

    /// After it nothing is written any more to what lies in the log now.
    async fn seal_patiently(&self) -> Result<(), AppendError> {
        for _ in 0..SEAL_ATTEMPTS {
            match self.seal().await {
                Err(AppendError::Busy) => tokio::time::sleep(SEAL_PAUSE).await,
                sealed => return sealed,
            }
        }
        Err(AppendError::Busy)
    }
}

/// The records as a veil has them.
pub(super) fn veiled(mut records: Vec<Arc<Record>>, veil: Option<&Rewrite>) -> Vec<Arc<Record>> {
    if let Some(veil) = veil {
        for record in &mut records {
            if let Some(changed) = veil.of(record) {
                *record = Arc::new(changed);
            }
        }
    }
    records
}

impl Rewritten {
    fn add(&mut self, other: Rewritten) {
        self.records += other.records;
        self.segments += other.segments;
        self.wiped += other.wiped;
    }
}

fn rewrite_segment(inner: &Inner, first: u64, rewrite: &Rewrite, traces: &Traces) -> Result<Rewritten, StorageFault> {
    let _one_at_a_time = lock(&inner.shared.deleting);
    let segments = inner.shared.segments();
    let Some(at) = segments.iter().position(|segment| segment.first == first) else {
        // Retention was quicker.
        return Ok(Rewritten::default());
    };
    let (old, next) = (&segments[at], segments.get(at + 1));
    let until = next.map_or(u64::MAX, |next| next.first);
    let failed = |error: io::Error| StorageFault::new("rewrite", &old.path, &error);
    let touched = rewrite.records.at_or_after(first).is_some_and(|position| position < until);
    let wiped = traced_bytes(old, next.map(|next| next.first), traces).map_err(failed)?;
    // The last one is being written to, unless it holds such a record: it was sealed, then, and no other could be begun.
    if !touched && (wiped == 0 || next.is_none()) {
        return Ok(Rewritten::default());
    }
    let mut done = Rewritten { segments: 1, wiped, ..Rewritten::default() };
    let written = write_anew(&inner.disk, &inner.shared, old, until, |copy, found| match found {
        Found::Record { record, .. } => {
            let changed = rewrite.of(&record);
            done.records += u64::from(changed.is_some());
            copy.push(&changed.unwrap_or(record))
        }
        Found::Damage { offset, end } => {
            // What comes behind it is found by its distance, so so many bytes stay there.
            let wipe = traces.are_in_file(copy.from(), offset, end)?;
            copy.push_damage(offset, end, wipe)
        }
    });
    written.map(|()| done).map_err(failed)
}

/// How many bytes with traces in them lie where no reader finds records: damaged ones, and what lies behind the last record. Behind the
/// end of the last segment, which has no `until`, the writer may be writing.
fn traced_bytes(segment: &Segment, until: Option<u64>, traces: &Traces) -> io::Result<u64> {
    let file = File::open(&segment.path)?;
    // A segment without damage is read from its last index entry on.
    let from = if segment.is_damaged() { segment.first } else { until.unwrap_or(u64::MAX) - 1 };
    let mut scanner = segment.scan(from, until.unwrap_or(u64::MAX))?;
    let (mut bytes, mut behind) = (0, HEADER_BYTES);
    while let Some(found) = scanner.next()? {
        match found {
            Found::Record { offset, record } => behind = offset + record.disk_bytes() as u64,
            Found::Damage { offset, end } => {
                bytes += if traces.are_in_file(&file, offset, end)? { end - offset } else { 0 };
                behind = end;
            }
        }
    }
    let length = if until.is_some() { file.metadata()?.len() } else { behind };
    Ok(bytes + if traces.are_in_file(&file, behind, length)? { length - behind } else { 0 })
}

/// How many copies of damaged bytes have traces in them; they are deleted, if they shall be.
fn copies(inner: &Inner, traces: &Traces, delete: bool) -> Result<u64, StorageFault> {
    let corrupt = inner.shared.dir.join("corrupt");
    let _none_is_made = inner.shared.aside();
    let failed = |error: io::Error| StorageFault::new("clean up", &corrupt, &error);
    let entries = match fs::read_dir(&corrupt) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries.map_err(failed)?,
    };
    let mut found = 0;
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let file = File::open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        if traces.are_in_file(&file, 0, length).map_err(failed)? {
            found += 1;
            if delete {
                fs::remove_file(&path).map_err(failed)?;
            }
        }
    }
    if delete && found > 0 {
        inner.disk.sync_names(&corrupt).map_err(failed)?;
    }
    Ok(found)
}
