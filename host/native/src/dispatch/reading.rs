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
