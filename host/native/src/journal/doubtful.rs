//! Segments with answered records whose fsync failed. The kernel may have given up what it could not write and call the next fsync of the
//! file a success, so only another file makes them durable: they are written anew from what can still be read.

use super::copy::write_anew;
use super::disk::Disk;
use super::error::StorageFault;
use super::scan::Found;
use super::segment::Segment;
use super::shared::{Shared, lock};

/// The first positions of these segments.
#[derive(Debug, Default)]
pub(super) struct Doubtful(Vec<u64>);

impl Doubtful {
    pub(super) fn add(&mut self, segment: &Segment) {
        self.0.push(segment.first);
    }

    /// Makes all of them durable, oldest first. What cannot be read any more is reported as damage.
    ///
    /// # Errors
    /// When the disk does not take one; the next call goes on with it.
    pub(super) fn renew(&mut self, disk: &Disk, shared: &Shared) -> Result<(), StorageFault> {
        while let Some(first) = self.0.first() {
            renew(*first, disk, shared)?;
            self.0.remove(0);
        }
        Ok(())
    }
}

fn renew(first: u64, disk: &Disk, shared: &Shared) -> Result<(), StorageFault> {
    let _one_at_a_time = lock(&shared.deleting);
    let segments = shared.segments();
    let Some(at) = segments.iter().position(|segment| segment.first == first) else {
        // Retention was quicker.
        return Ok(());
    };
    let until = segments.get(at + 1).map_or(u64::MAX, |next| next.first);
    let old = &segments[at];
    let written = write_anew(disk, shared, old, until, |copy, found| match found {
        Found::Record { record, .. } => copy.push(&record),
        Found::Damage { offset, end } => {
            shared.report_damage(old, offset, end);
            copy.push_damage(offset, end, false)
        }
    });
    written.map_err(|error| StorageFault::new("write anew", &old.path, &error))
}
