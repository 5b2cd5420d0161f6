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
