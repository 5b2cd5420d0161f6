//! Reading from disk, by any number of readers at once.

use std::io;
use std::sync::Arc;

use super::error::{ReadError, StorageFault};
use super::record::Record;
use super::scan::Found;
use super::segment::{REPLACED, Segment};
use super::shared::Shared;

/// How much one read returns at most; at least one record, however large, if there is one.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimit {
    pub records: usize,
    pub bytes: usize,
}

impl Default for ReadLimit {
    /// What a tag worker takes at once: a few milliseconds of work.
    fn default() -> Self {
        Self { records: 256, bytes: 1 << 20 }
    }
}

pub(super) struct Batch {
    pub(super) records: Vec<Arc<Record>>,
    bytes: usize,
    limit: ReadLimit,
}

impl Batch {
    pub(super) fn new(limit: ReadLimit) -> Self {
        Self { records: Vec::new(), bytes: 0, limit }
    }

    /// Whether it was taken; if not, the batch is complete.
    pub(super) fn push(&mut self, record: Arc<Record>) -> bool {
        let bytes = self.bytes.saturating_add(record.disk_bytes());
        if self.is_full() || (!self.records.is_empty() && bytes > self.limit.bytes) {
            return false;
        }
        self.bytes = bytes;
        self.records.push(record);
        true
    }

    fn is_full(&self) -> bool {
        !self.records.is_empty() && self.records.len() >= self.limit.records
    }
}

/// The durable records from `position` on, in order. Blocks on the disk.
pub(super) fn read(shared: &Shared, position: u64, limit: ReadLimit) -> Result<Vec<Arc<Record>>, ReadError> {
    loop {
        match read_once(shared, position, limit) {
            // The list has the new one.
            Err(ReadError::Storage(fault)) if fault.kind == REPLACED => {}
            read => return read,
        }
    }
}

fn read_once(shared: &Shared, position: u64, limit: ReadLimit) -> Result<Vec<Arc<Record>>, ReadError> {
    let segments = shared.segments();
    let mut batch = Batch::new(limit);
    let start = segments.partition_point(|segment| segment.first <= position).saturating_sub(1);
    for (at, segment) in segments.iter().enumerate().skip(start) {
        let until = segments.get(at + 1).map_or(u64::MAX, |next| next.first);
        match read_segment(shared, segment, position, until, &mut batch) {
            Ok(true) => {}
            Ok(false) => break,
            // Retention deleted it between the look at the list and the opening.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // What has been read so far is good; the fault returns with the next read.
            Err(_) if !batch.records.is_empty() => break,
            Err(error) => return Err(StorageFault::new("read", &segment.path, &error).into()),
        }
    }
    Ok(batch.records)
}

/// Whether there is room for the next segment's records.
fn read_segment(shared: &Shared, segment: &Segment, position: u64, until: u64, batch: &mut Batch) -> io::Result<bool> {
    let mut scanner = segment.scan(position, until)?;
    while let Some(found) = scanner.next()? {
        match found {
            Found::Damage { offset, end } => {
                shared.report_damage(segment, offset, end);
            }
            Found::Record { offset, record } => {
                segment.note(record.position, record.received_at_ms, offset);
                if record.position >= position && !batch.push(Arc::new(record)) {
                    return Ok(false);
                }
            }
        }
        if batch.is_full() {
            return Ok(false);
        }
    }
    Ok(true)
}
