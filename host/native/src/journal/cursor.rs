//! How far one tag has come in the journal.

use serde::{Deserialize, Serialize};

use super::again::Again;
use super::ranges::Ranges;
use super::record::MAX_POSITION;

/// Events of one tag that may be begun and not finished. A tag that has so many to retry waits with the
/// next, which stay safe in the journal; a cursor's checkpoint stays small.
pub const MAX_UNFINISHED: u64 = 100_000;

/// One tag's place in the journal. Events finish in any order; one is run until it has an outcome.
///
/// A worker reads the journal from [`Self::next_read`] and calls [`Self::begin`] for every record it
/// gets, in order. After a restart the same loop first passes over the events that were unfinished.
///
/// Beside that, events below [`Self::next`] may be marked to be run again ([`Self::run_again`]). They keep the outcome they have
/// until they get a further one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Cursor {
    /// Nothing at or after it has been begun, by this process or one before it.
    next: u64,
    /// What lies below `next` and has no outcome.
    unfinished: Ranges,
    /// What lies below `next`, has an outcome, and is to have a further one.
    again: Again,
    /// Where this process reads on.
    read: u64,
}

/// What to do with a record of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Run it; [`Cursor::finish`] it when its outcome is recorded.
    Run,
    /// It has its outcome, or was begun already.
    Skip,
    /// [`MAX_UNFINISHED`] are waiting: call again with the same record when one has finished.
    Full,
}

impl Cursor {
    /// A tag's cursor that begins with the event at `position`.
    pub fn starting_at(position: u64) -> Self {
        let next = position.clamp(1, MAX_POSITION);
        Self { next, unfinished: Ranges::default(), again: Again::default(), read: next }
    }

    /// The position to read the journal from.
    pub fn next_read(&self) -> u64 {
        self.unfinished.at_or_after(self.read).unwrap_or(self.next).max(self.read)
    }

    /// The record at `position` has been read, the first one at or after [`Self::next_read`]. Positions
    /// in between are not in the journal (any more) and count as finished.
    pub fn begin(&mut self, position: u64) -> Begin {
        if position < self.read {
            return Begin::Skip;
        }
        if position > self.read {
            self.unfinished.remove(self.read, position - 1);
            self.read = position;
        }
        let new = position >= self.next;
        if new && self.unfinished() >= MAX_UNFINISHED {
            return Begin::Full;
        }
        self.read = position.saturating_add(1);
        if new {
            self.next = self.read;
            self.unfinished.add(position, position);
        }
        if self.unfinished.contains(position) { Begin::Run } else { Begin::Skip }
    }

    /// Marks these events to be run again. Returns those that will be run from their beginning: what is in work at the moment is
    /// left out, and what there is no room for ([`MAX_AGAIN_PIECES`](super::MAX_AGAIN_PIECES)); what the tag has not come to is not.
    pub fn run_again(&mut self, wanted: &Ranges) -> Ranges {
        let mut past = wanted.clone();
        past.remove(0, 0);
        past.remove(self.next, u64::MAX);
        for (first, last) in self.unfinished.iter().chain(self.again.running().iter()) {
            past.remove(first, last);
        }
        let mut runs = self.again.add(&past);
        for (first, last) in wanted.iter() {
            runs.add(first.max(self.next), last);
        }
        runs
    }

    /// The first stretch of events to be run again and not begun: its first and last position. For each record of it that the
    /// journal has, [`Self::begin_again`]; for what it has not, [`Self::forget_again`].
    pub fn next_again(&self) -> Option<(u64, u64)> {
        self.again.next()
    }

    /// The record at `position` has been read, to be run again.
    pub fn begin_again(&mut self, position: u64) -> Begin {
        if self.again.is_waiting(position) && self.unfinished() >= MAX_UNFINISHED {
            return Begin::Full;
        }
        if self.again.begin(position) { Begin::Run } else { Begin::Skip }
    }

    /// These are not in the journal any more; how many of them were to be run again.
    pub fn forget_again(&mut self, first: u64, last: u64) -> u64 {
        self.again.forget(first, last)
    }

    /// How many events are to be run again and have no further outcome.
    pub fn again(&self) -> u64 {
        self.again.count()
    }

    /// Another worker reads from here on: what is begun and unfinished is passed over again, as after a restart.
    pub fn rewind(&mut self) {
        self.read = self.reached();
        self.again.rewind();
    }

    /// The event at `position` has its outcome. Whether it was waiting for one.
    pub fn finish(&mut self, position: u64) -> bool {
        self.finish_all(position, position) > 0
    }

    /// The events from `first` to `last` have their outcomes. How many were waiting for one.
    pub fn finish_all(&mut self, first: u64, last: u64) -> u64 {
        self.again.finish(first, last) + self.unfinished.remove(first, last)
    }

    /// What is below it is not needed any more: it has its outcome, and is not to be run again.
    pub fn low(&self) -> u64 {
        self.again.first().map_or(self.reached(), |again| again.min(self.reached()))
    }

    /// The first position that has no outcome.
    pub fn reached(&self) -> u64 {
        self.unfinished.first().unwrap_or(self.next)
    }

    /// How many events are in work: begun, for the first time or again, and without the outcome of that.
    pub fn unfinished(&self) -> u64 {
        self.unfinished.count() + self.again.running().count()
    }

    /// Nothing at or after it has been begun.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// An outcome recorded by a process before this one. What it had begun below it and not
    /// recorded is unfinished.
    pub(super) fn replay(&mut self, position: u64) {
        if position < self.next {
            self.finish(position);
        } else if position < MAX_POSITION {
            self.unfinished.add(self.next, position - 1);
            self.next = position + 1;
        }
    }
}

/// A cursor in the checkpoint file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    next: u64,
    /// First and last position of each range.
    unfinished: Vec<(u64, u64)>,
    /// The same. Left out where there is nothing to run again: the checksum of an older checkpoint has to stay what it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    again: Vec<(u64, u64)>,
}

impl From<Cursor> for Saved {
    fn from(cursor: Cursor) -> Self {
        Self {
            next: cursor.next,
            unfinished: cursor.unfinished.iter().collect(),
            again: cursor.again.all().iter().collect(),
        }
    }
}

impl From<Saved> for Cursor {
    fn from(saved: Saved) -> Self {
        let mut cursor = Self::starting_at(saved.next);
        for (first, last) in saved.unfinished {
            cursor.unfinished.add(first.max(1), last.min(cursor.next - 1));
        }
        let mut again = Ranges::default();
        for (first, last) in saved.again {
            again.add(first.max(1), last.min(cursor.next - 1));
        }
        cursor.unfinished.iter().for_each(|(first, last)| _ = again.remove(first, last));
        cursor.again = Again::waiting(again);
        cursor.rewind();
        cursor
    }
}
