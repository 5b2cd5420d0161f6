//! The newest records, in memory, for readers that keep up.

use std::collections::VecDeque;
use std::sync::Arc;

use super::read::{Batch, ReadLimit};
use super::record::Record;
use super::rewrite::Rewrite;

#[derive(Debug)]
pub(super) struct Tail {
    records: VecDeque<Arc<Record>>,
    /// No durable record from here on is missing.
    from: u64,
    bytes: usize,
    max_records: usize,
    max_bytes: usize,
}

impl Tail {
    /// Empty: nothing at or after `from` has been written yet.
    pub(super) fn new(from: u64, max_records: usize, max_bytes: usize) -> Self {
        Self { records: VecDeque::new(), from, bytes: 0, max_records, max_bytes }
    }

    pub(super) fn push(&mut self, record: Arc<Record>) {
        self.bytes += record.disk_bytes();
        self.records.push_back(record);
        while self.records.len() > self.max_records || self.bytes > self.max_bytes {
            let Some(oldest) = self.records.pop_front() else { break };
            self.bytes -= oldest.disk_bytes();
            self.from = oldest.position + 1;
        }
    }

    /// Records before `position` have been deleted on disk, so they are not shown any more.
    pub(super) fn forget_before(&mut self, position: u64) {
        while let Some(record) = self.records.pop_front_if(|record| record.position < position) {
            self.bytes -= record.disk_bytes();
        }
        self.from = self.from.max(position);
    }

    /// Records have been given other payloads.
    pub(super) fn rewrite(&mut self, rewrite: &Rewrite) {
        for record in &mut self.records {
            if let Some(changed) = rewrite.of(record) {
                self.bytes = self.bytes - record.disk_bytes() + changed.disk_bytes();
                *record = Arc::new(changed);
            }
        }
    }

    /// The records from `position` on; `None` when the disk has to be asked.
    pub(super) fn read(&self, position: u64, limit: ReadLimit) -> Option<Vec<Arc<Record>>> {
        if position < self.from {
            return None;
        }
        let start = self.records.partition_point(|record| record.position < position);
        let mut batch = Batch::new(limit);
        for record in self.records.range(start..) {
            if !batch.push(record.clone()) {
                break;
            }
        }
        Some(batch.records)
    }
}
