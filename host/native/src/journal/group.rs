//! The appends that one write and one fsync carry.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::dedupe::Dedupe;
use super::error::AppendError;
use super::log::Appended;
use super::record::{HEAD_BYTES, Key, NewRecord, Record, encode};
use super::writer::GROUP_BYTES;

pub(super) type Reply = oneshot::Sender<Result<Appended, AppendError>>;

#[derive(Debug)]
pub(super) struct Append {
    pub(super) records: Vec<NewRecord>,
    pub(super) dedupe: bool,
    pub(super) done: Reply,
}

impl Append {
    /// Bytes on disk, should every record be new.
    pub(super) fn bytes(&self) -> usize {
        self.records.iter().map(|record| HEAD_BYTES + record.payload.len()).sum()
    }
}

/// Room the log has left, for [`AppendError::Full`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) used: u64,
    pub(super) max: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Group {
    pub(super) buffer: Vec<u8>,
    pub(super) records: Vec<Arc<Record>>,
    first: u64,
    claimed: Vec<Key>,
    replies: Vec<(Reply, Appended)>,
}

impl Group {
    /// Takes over `buffer` for its memory; its content is dropped.
    pub(super) fn new(first: u64, mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.shrink_to(GROUP_BYTES);
        Self { buffer, records: Vec::new(), first, claimed: Vec::new(), replies: Vec::new() }
    }

    /// How many appends it carries.
    pub(super) fn appends(&self) -> usize {
        self.replies.len()
    }

    pub(super) fn next(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// Takes the append in, or answers it at once when it does not fit the log.
    pub(super) fn add(&mut self, append: Append, dedupe: Option<&mut Dedupe>, room: Room) {
        let before = (self.buffer.len(), self.records.len(), self.claimed.len());
        let mut dedupe = dedupe.filter(|_| append.dedupe);
        let first = self.next();
        let given = append.records.len();
        for record in append.records {
            if let Some(dedupe) = &mut dedupe {
                if !dedupe.claim(record.key, record.received_at_ms) {
                    continue;
                }
                self.claimed.push(record.key);
            }
            self.push(record);
        }
        let bytes = room.used.saturating_add(self.buffer.len() as u64);
        let grew = self.buffer.len() > before.0;
        if let Some(max) = room.max.filter(|max| grew && bytes > *max) {
            self.buffer.truncate(before.0);
            self.records.truncate(before.1);
            release(dedupe, self.claimed.drain(before.2..));
            let _ = append.done.send(Err(AppendError::Full { bytes: room.used, max }));
            return;
        }
        let accepted = (self.next() - first) as u32;
        let duplicates = given as u32 - accepted;
        self.replies.push((append.done, Appended { accepted, duplicates, first }));
    }

    /// Everything in it is durable.
    pub(super) fn succeed(self) -> Vec<u8> {
        for (done, appended) in self.replies {
            // A caller that went away has no use for the answer.
            let _ = done.send(Ok(appended));
        }
        self.buffer
    }

    /// Nothing of it was kept.
    pub(super) fn fail(self, error: &AppendError, dedupe: Option<&mut Dedupe>) -> Vec<u8> {
        release(dedupe, self.claimed.into_iter());
        for (done, _) in self.replies {
            let _ = done.send(Err(error.clone()));
        }
        self.buffer
    }

    fn push(&mut self, record: NewRecord) {
        let NewRecord { received_at_ms, key, payload } = record;
        let record = Record { position: self.next(), received_at_ms, key, payload };
        encode(&record, &mut self.buffer);
        self.records.push(Arc::new(record));
    }
}

fn release(dedupe: Option<&mut Dedupe>, keys: impl Iterator<Item = Key>) {
    if let Some(dedupe) = dedupe {
        keys.for_each(|key| dedupe.release(key));
    }
}
