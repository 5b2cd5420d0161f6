//! What one tag's worker reads of the journal: the events that it has not come to, and those that it has to run again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::journal::{Begin, EventJournal, Journal, ReadError, ReadLimit, Record};
use crate::outcomes::Recorder;

/// How long to wait after the journal could not be read; a disk fault does not pass in less.
const READ_PAUSE: Duration = Duration::from_millis(500);

/// A tag's two streams. They take turns, so that neither a replay of a year nor a busy site makes the other wait for ever.
pub(super) struct Reading {
    tag: String,
    recorder: Recorder,
    journal: EventJournal,
    /// Read from the journal and not begun.
    new: VecDeque<Arc<Record>>,
    again: VecDeque<Arc<Record>>,
    is_turn_of_again: bool,
}

/// An event to run.
pub(super) struct Found {
    pub(super) record: Arc<Record>,
    /// Whether it has an outcome and is run again.
    pub(super) again: bool,
}

/// What there is to begin.
pub(super) enum Next {
    Run(Found),
    /// Too many are unfinished: ask again when one of them has ended.
    Full,
    /// Nothing: the journal's end, and nothing to run again.
    End,
}

impl Reading {
    pub(super) fn new(tag: &str, recorder: Recorder, journal: EventJournal) -> Self {
        let (new, again) = (VecDeque::new(), VecDeque::new());
        Reading { tag: tag.to_owned(), recorder, journal, new, again, is_turn_of_again: false }
    }

    /// Tells of what comes at the journal's end, and of what is to be run again.
    pub(super) fn subscribe(&self) -> (watch::Receiver<u64>, watch::Receiver<()>) {
        (self.journal.subscribe(), self.recorder.marks())
    }

    /// The next event to run. It has been begun.
    pub(super) async fn next(&mut self) -> Next {
        self.is_turn_of_again = !self.is_turn_of_again;
        let mut otherwise = Next::End;
        for again in [self.is_turn_of_again, !self.is_turn_of_again] {
            match self.next_of(again).await {
                Next::Run(found) => return Next::Run(found),
                // After a restart, what was begun then is passed over even so.
                Next::Full => otherwise = Next::Full,
                Next::End => {}
            }
        }
        otherwise
    }

    async fn next_of(&mut self, again: bool) -> Next {
        loop {
            let record = if again { self.read_again().await } else { self.read_new().await };
            let Some(record) = record else { return Next::End };
            let begin = match again {
                true => self.recorder.begin_again(&self.tag, record.position),
                false => self.recorder.begin(&self.tag, record.position),
            };
            match begin {
                Begin::Run => return Next::Run(Found { record, again }),
                Begin::Skip => {}
                Begin::Full => {
                    let queue = if again { &mut self.again } else { &mut self.new };
                    queue.push_front(record);
                    return Next::Full;
                }
            }
        }
    }

    async fn read_new(&mut self) -> Option<Arc<Record>> {
        if self.new.is_empty() {
            let position = self.recorder.next_read(&self.tag);
            self.new.extend(self.read_from(position, ReadLimit::default()).await);
        }
        self.new.pop_front()
    }

    async fn read_again(&mut self) -> Option<Arc<Record>> {
        while self.again.is_empty() {
            let (first, last) = self.recorder.next_again(&self.tag)?;
            let wanted = usize::try_from(last - first).unwrap_or(usize::MAX).saturating_add(1);
            let limit = ReadLimit { records: wanted.min(ReadLimit::default().records), ..ReadLimit::default() };
            let mut records = self.read_from(first, limit).await;
            records.retain(|record| record.position <= last);
            self.forget_missing(first, last, &records);
            self.again.extend(records);
        }
        self.again.pop_front()
    }

    /// What lies before and between the records is in the journal no more; without any record, all of it.
    fn forget_missing(&self, first: u64, last: u64, records: &[Arc<Record>]) {
        let mut expected = first;
        let mut missing = 0;
        for record in records {
            missing += self.forget(expected, record.position);
            expected = record.position + 1;
        }
        if records.is_empty() {
            missing += self.forget(first, last + 1);
        }
        if missing > 0 {
            tracing::warn!(tag = self.tag, missing, "events that were to be run again are not in the journal any more");
        }
    }

    fn forget(&self, first: u64, end: u64) -> u64 {
        if first < end { self.recorder.forget_again(&self.tag, first, end - 1) } else { 0 }
    }

    /// A disk fault is waited out here: the tag has nothing else to do meanwhile, and no later event need come for it to go on.
    async fn read_from(&self, position: u64, limit: ReadLimit) -> Vec<Arc<Record>> {
        loop {
            let read: Result<_, ReadError> = self.journal.read_from(position, limit).await;
            match read {
                Ok(records) => return records,
                Err(error) => {
                    tracing::error!(tag = self.tag, %error, "the journal cannot be read; trying again");
                    tokio::time::sleep(READ_PAUSE).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bytes::Bytes;
    use jiff::Timestamp;
    use tagyard_pipeline::outcome::Outcome;

    use super::*;
    use crate::journal::{CursorFile, Cursors, Key, NewRecord, Ranges};
    use crate::outcomes::{Ended, Recorded};
    use crate::stopped::Stopped;

    const TAG: &str = "ga4";

    async fn append(journal: &EventJournal, count: usize) {
        let event = NewRecord { received_at_ms: 0, key: Key::NONE, payload: Bytes::from_static(b"{}") };
        journal.append(vec![event; count]).await.unwrap();
    }

    /// Everything there is to run, each with whether it is run again.
    async fn read(reading: &mut Reading) -> Vec<(u64, bool)> {
        let mut found = Vec::new();
        while let Next::Run(Found { record, again }) = reading.next().await {
            found.push((record.position, again));
        }
        found
    }

    async fn finish(recorder: &Recorder, positions: &[u64]) {
        let mut outcomes = recorder.watch();
        for position in positions {
            let (at, tag, message_id) = (Timestamp::now(), TAG.to_owned(), String::new());
            let outcome = Outcome::Delivered;
            let recorded = Recorded { at, tag, position: *position, message_id, outcome, attempts: 1, again: false };
            recorder.record(Ended { recorded, letter: None }).await;
        }
        for _ in positions {
            outcomes.recv().await.unwrap();
        }
    }

    #[tokio::test]
    async fn new_events_and_those_to_run_again_take_turns() {
        let folder = tempfile::tempdir().unwrap();
        let mut cursors = Cursors::default();
        cursors.tag(TAG, 1);
        CursorFile::new(folder.path().join("cursors.json")).save_now(cursors).unwrap();
        let host = Stopped::open(folder.path()).await.unwrap();
        append(&host.journal, 4).await;
        let mut reading = Reading::new(TAG, host.recorder.clone(), host.journal.clone());
        assert_eq!(read(&mut reading).await, [(1, false), (2, false), (3, false), (4, false)]);
        finish(&host.recorder, &[1, 2, 4]).await;

        let mut wanted = Ranges::default();
        wanted.add(1, 4);
        let (_, mut marks) = reading.subscribe();
        let runs = host.recorder.run_again(&BTreeMap::from([(TAG.to_owned(), wanted)])).await.unwrap();
        assert!(marks.has_changed().unwrap());
        marks.mark_unchanged();
        assert_eq!(runs[TAG].iter().collect::<Vec<_>>(), [(1, 2), (4, 4)], "the third is in work");
        append(&host.journal, 4).await;
        let mut found = read(&mut reading).await;
        let turns: Vec<bool> = found.iter().map(|(_, again)| *again).collect();
        assert!(turns[..6].chunks(2).all(|pair| pair[0] != pair[1]), "{found:?}");
        found.sort_unstable();
        let expected = [(1, true), (2, true), (4, true), (5, false), (6, false), (7, false), (8, false)];
        assert_eq!(found, expected);
    }
}
