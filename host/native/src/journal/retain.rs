//! Deleting what every tag has passed.

use std::fs;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::disk::sync_dir;
use super::error::{StorageFault, fault};
use super::segment::{HEADER_BYTES, Segment};
use super::shared::{Shared, lock};
use super::writer::now_ms;

/// What may go: segments that lie wholly below `before`, and are older than `max_age_ms` or make the
/// log larger than `max_bytes`. With neither, everything below `before`.
#[derive(Clone, Copy, Debug)]
pub struct Retain {
    /// The lowest position still needed: [`Cursors::low`](super::Cursors::low). Nothing at or after it is deleted.
    pub before: u64,
    pub max_age_ms: Option<i64>,
    pub max_bytes: Option<u64>,
}

impl Retain {
    fn is_too_old(&self, received_at_ms: i64) -> bool {
        self.max_age_ms.is_some_and(|age| now_ms().saturating_sub(received_at_ms) > age)
    }

    fn allows(&self, bytes: u64, received_before_ms: Option<i64>) -> bool {
        let unconditional = self.max_age_ms.is_none() && self.max_bytes.is_none();
        unconditional
            || received_before_ms.is_some_and(|at| self.is_too_old(at))
            || self.max_bytes.is_some_and(|max| bytes > max)
    }
}

/// Whether the segment being written to is old and passed: a quiet log has no other.
pub(super) fn wants_seal(shared: &Shared, retain: &Retain) -> bool {
    let passed = retain.before > *shared.durable.borrow();
    let segments = shared.segments();
    let Some(active) = segments.last().filter(|active| passed && active.visible() > HEADER_BYTES) else {
        return false;
    };
    retain.allows(shared.bytes.load(Ordering::Relaxed), received_before(shared, active))
}

/// Deletes oldest first, so that after a crash the log has lost a beginning and nothing else.
pub(super) fn delete(shared: &Shared, retain: &Retain) -> Result<u64, StorageFault> {
    let mut freed = 0;
    let deleted = delete_each(shared, retain, &mut freed);
    if freed > 0 {
        if let Some(oldest) = shared.segments().first() {
            lock(&shared.tail).forget_before(oldest.first);
        }
        sync_dir(&shared.dir).map_err(fault("sync the directory", &shared.dir))?;
    }
    deleted?;
    if let Some(max_age) = retain.max_age_ms {
        let max_age = Duration::from_millis(max_age.unsigned_abs());
        shared.aside().let_go(&shared.dir, max_age).map_err(fault("clean up", &shared.dir))?;
    }
    Ok(freed)
}

fn delete_each(shared: &Shared, retain: &Retain, freed: &mut u64) -> Result<(), StorageFault> {
    loop {
        let segments = shared.segments();
        let [oldest, next, ..] = segments.as_slice() else { return Ok(()) };
        let bytes = shared.bytes.load(Ordering::Relaxed);
        // Everything in a segment was received before the first record after it.
        let after = segments.iter().skip(1).find_map(|segment| segment.first_at());
        let after = after.or_else(|| received_before(shared, oldest));
        if next.first > retain.before || !retain.allows(bytes, after) {
            return Ok(());
        }
        let length = fs::metadata(&oldest.path).map_or(0, |file| file.len());
        match fs::remove_file(&oldest.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StorageFault::new("delete", &oldest.path, &error));
            }
            _ => {}
        }
        shared.change_segments(|segments| segments.retain(|segment| segment.first != oldest.first));
        let _ = shared.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |all| Some(all.saturating_sub(length)));
        *freed += length;
    }
}

/// When the last record of a segment was received at the latest.
fn received_before(shared: &Shared, segment: &Segment) -> Option<i64> {
    segment.first_at().map(|at| at.saturating_add(shared.segment_age_ms))
}
