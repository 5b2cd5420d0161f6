//! From the deliveries to the log: a queue that never makes a delivery wait, and its writer's side.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Sent;
use crate::journal::{Key, Log, NewRecord};
use crate::limits::WAITING_OUTCOMES;

/// The most bytes of records that wait to be written; what comes on top is not kept. Some hundred milliseconds of a busy host.
const WAITING_BYTES: usize = 16 << 20;

/// How many records go into one append.
const GROUP: usize = 1_024;

/// The deliveries' side. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Queue {
    records: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

/// A record, and its part of the room while it waits.
struct Waiting {
    sent: Sent,
    _room: OwnedSemaphorePermit,
}

/// The writer's side.
pub(crate) struct Keeper {
    records: mpsc::Receiver<Waiting>,
    log: Log,
    group: Vec<Waiting>,
    /// Whether the last append failed, which is logged once and not a thousand times a second.
    is_failing: bool,
}

/// A queue of which one side is given to the deliveries and the other to the writer.
pub(crate) fn queue(log: Log) -> (Queue, Keeper) {
    let (sender, records) = mpsc::channel(WAITING_OUTCOMES);
    let queue = Queue { records: sender, room: Arc::new(Semaphore::new(WAITING_BYTES)) };
    (queue, Keeper { records, log, group: Vec::new(), is_failing: false })
}

impl Queue {
    /// Leaves a record to be written. One for which there is no room is counted and forgotten.
    pub(crate) fn push(&self, sent: Sent) {
        let bytes = u32::try_from(sent.bytes()).unwrap_or(u32::MAX);
        let Ok(room) = self.room.clone().try_acquire_many_owned(bytes) else { return lost(1) };
        if self.records.try_send(Waiting { sent, _room: room }).is_err() {
            lost(1);
        }
    }
}

impl Queue {
    /// Waits until what was left before is written, or given up. Nothing should be left meanwhile: there is no room for it.
    pub(crate) async fn settle(&self) {
        let all = u32::try_from(WAITING_BYTES).unwrap_or(u32::MAX);
        // It is never closed.
        let _ = self.room.acquire_many(all).await;
    }
}

impl Keeper {
    /// Waits until there is something to write. Nothing is lost when the wait is given up.
    pub(crate) async fn wait(&mut self) {
        if !self.group.is_empty() {
            return;
        }
        if self.records.recv_many(&mut self.group, GROUP).await == 0 {
            // The last sender is gone; whoever waits for this waits for the outcomes too, which end then.
            std::future::pending::<()>().await;
        }
    }

    /// Writes what waits.
    pub(crate) async fn write(&mut self) {
        loop {
            while self.group.len() < GROUP
                && let Ok(waiting) = self.records.try_recv()
            {
                self.group.push(waiting);
            }
            if self.group.is_empty() {
                return;
            }
            let group = std::mem::take(&mut self.group);
            let count = group.len() as u64;
            match self.log.append(group.iter().map(|waiting| new_record(&waiting.sent)).collect(), false).await {
                Ok(_) => self.is_failing = false,
                Err(error) => {
                    lost(count);
                    if !std::mem::replace(&mut self.is_failing, true) {
                        tracing::warn!(%error, "what was sent is not being recorded; delivery goes on");
                    }
                }
            }
        }
    }
}

fn lost(count: u64) {
    metrics::counter!("tagyard_sent_not_recorded_total").increment(count);
}

fn new_record(sent: &Sent) -> NewRecord {
    NewRecord {
        received_at_ms: sent.at.as_millisecond(),
        key: Key::NONE,
        // Nothing in it is a map with other keys than strings, so it is always JSON.
        payload: Bytes::from(serde_json::to_vec(sent).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::journal::ReadLimit;
    use crate::sent::{SentBody, SentRequest, options};

    fn sent(body_bytes: usize) -> Sent {
        let body = SentBody::new(&vec![b'x'; body_bytes]);
        let (method, url, headers) = ("POST".to_owned(), "https://vendor.example/".to_owned(), Vec::new());
        let request = SentRequest { method, url, headers, body };
        let (at, tag) = (Timestamp::now(), "tag".to_owned());
        Sent { at, tag, call: 1, events: vec![1], request, attempts: 1, status: Some(200), failed: None }
    }

    #[tokio::test]
    async fn what_finds_no_room_is_left_out_and_nobody_waits() {
        let folder = tempfile::tempdir().expect("a folder");
        let (log, _) = Log::open(folder.path(), options()).expect("a log");
        let (queue, mut keeper) = queue(log.clone());
        let most = WAITING_BYTES / crate::sent::KEPT_BODY_BYTES;
        for _ in 0..most + 10 {
            queue.push(sent(crate::sent::KEPT_BODY_BYTES));
        }
        keeper.write().await;
        let written = log.durable_position();
        assert!((most as u64 / 2..=most as u64).contains(&written), "{written}");
        // There is room again.
        queue.push(sent(10));
        keeper.wait().await;
        keeper.write().await;
        assert_eq!(log.durable_position(), written + 1);
        let last = log.read_from(written + 1, ReadLimit::default()).await.expect("records");
        let read: Sent = serde_json::from_slice(&last[0].payload).expect("a request");
        assert_eq!(read.request.body.bytes, 10);
    }

    #[tokio::test]
    async fn a_writer_waits_while_there_is_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (log, _) = Log::open(folder.path(), options()).expect("a log");
        let (queue, mut keeper) = queue(log.clone());
        assert!(tokio::time::timeout(Duration::from_millis(20), keeper.wait()).await.is_err());
        queue.push(sent(1));
        keeper.wait().await;
        keeper.write().await;
        assert_eq!(log.durable_position(), 1);
    }
}
