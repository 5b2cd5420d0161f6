//! Where in a segment a position is, to within 64 KiB.

/// Bytes between two entries: a read that begins at one wastes at most this much, and a full
/// segment needs a thousand entries.
const STEP: u64 = 64 * 1024;

/// Filled by whoever passes first: the writer, or a reader that scans a sealed segment.
#[derive(Debug)]
pub(super) struct SparseIndex {
    /// Position and offset, both increasing; never empty.
    entries: Vec<(u64, u64)>,
}

impl SparseIndex {
    pub(super) fn new(first: u64, offset: u64) -> Self {
        Self { entries: vec![(first, offset)] }
    }

    /// A record of this position begins at this offset.
    pub(super) fn note(&mut self, position: u64, offset: u64) {
        if self.last().is_none_or(|(_, last)| offset >= last + STEP) {
            self.entries.push((position, offset));
        }
    }

    /// The last known record at or before `position`, to scan on from.
    pub(super) fn seek(&self, position: u64) -> Option<(u64, u64)> {
        let after = self.entries.partition_point(|(at, _)| *at <= position);
        self.entries.get(after.saturating_sub(1)).copied()
    }

    fn last(&self) -> Option<(u64, u64)> {
        self.entries.last().copied()
    }
}
