//! What the writer, the readers and retention see of a log in common.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::aside::{Aside, Damage};
use super::bounds::Bounds;
use super::error::StorageFault;
use super::gathering::Gathering;
use super::rewrite::Rewrite;
use super::segment::Segment;
use super::tail::Tail;

/// In order of position; replaced as a whole, so that a reader keeps what it began with.
pub(super) type Segments = Arc<Vec<Arc<Segment>>>;

/// Damaged places that are reported one by one.
const REPORTED_EACH: u64 = 100;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) dir: PathBuf,
    segments: Mutex<Segments>,
    pub(super) tail: Mutex<Tail>,
    /// The last position readers may see; 0 when there is none.
    pub(super) durable: watch::Sender<u64>,
    pub(super) bytes: AtomicU64,
    pub(super) bounds: Bounds,
    /// Bytes of the appends that wait for the writer.
    pub(super) waiting: AtomicUsize,
    /// How many appends wait for the writer.
    pub(super) queued: AtomicUsize,
    pub(super) gathering: Gathering,
    pub(super) damaged: AtomicU64,
    aside: Mutex<Aside>,
    /// Whoever deletes segments or writes them anew has it.
    pub(super) deleting: Mutex<()>,
    /// No segment holds records received further apart.
    pub(super) segment_age_ms: i64,
    /// How readers find records that are being rewritten.
    pub(super) veil: Mutex<Option<Rewrite>>,
    /// What made the last append fail; `None` once one has succeeded.
    pub(super) fault: Mutex<Option<StorageFault>>,
}

impl Shared {
    pub(super) fn new(
        dir: PathBuf,
        segments: Vec<Arc<Segment>>,
        tail: Tail,
        bounds: Bounds,
        segment_age_ms: i64,
    ) -> Self {
        Self {
            dir,
            segments: Mutex::new(Arc::new(segments)),
            tail: Mutex::new(tail),
            durable: watch::Sender::new(0),
            bytes: AtomicU64::new(0),
            bounds,
            waiting: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            gathering: Gathering::default(),
            damaged: AtomicU64::new(0),
            aside: Mutex::default(),
            deleting: Mutex::default(),
            segment_age_ms,
            veil: Mutex::default(),
            fault: Mutex::default(),
        }
    }

    pub(super) fn segments(&self) -> Segments {
        lock(&self.segments).clone()
    }

    pub(super) fn change_segments(&self, change: impl FnOnce(&mut Vec<Arc<Segment>>)) {
        change(Arc::make_mut(&mut lock(&self.segments)));
    }

    /// Puts a segment into the place of the one with its name, together with its file.
    pub(super) fn replace(
        &self,
        old: &Segment,
        new: Segment,
        rename: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut segments = lock(&self.segments);
        old.replace(rename)?;
        if let Some(place) = Arc::make_mut(&mut segments).iter_mut().find(|segment| segment.first == new.first) {
            *place = Arc::new(new);
        }
        Ok(())
    }

    /// The copies of damaged bytes, held so that none is made meanwhile.
    pub(super) fn aside(&self) -> MutexGuard<'_, Aside> {
        lock(&self.aside)
    }

    /// Counts, reports and keeps aside what a reader stumbled over; `None` when it is known already.
    pub(super) fn report_damage(&self, segment: &Segment, offset: u64, end: u64) -> Option<Damage> {
        if segment.is_replaced() || !segment.note_damage(offset) {
            return None;
        }
        let place = self.damaged.fetch_add(1, Ordering::Relaxed) + 1;
        let damage = lock(&self.aside).keep(&self.dir, segment, offset, end);
        // A ruined disk has a million of these.
        if place <= REPORTED_EACH || place.is_power_of_two() {
            tracing::error!(
                segment = %damage.segment.display(), offset, bytes = damage.bytes, kept = ?damage.kept, place,
                "damaged bytes passed over: a tag that had not read the records in them does not get them"
            );
        }
        Some(damage)
    }
}

/// What a thread that panicked left in here is whole: no lock is held across a step that can panic half-way.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
