//! Events of one tag that are run again, though they have an outcome.

use super::ranges::Ranges;

/// The most pieces that [`Again`] may lie in. Every checkpoint writes them all down, several a second at worst; so many take
/// some 2 MB. A stretch of the journal is one piece however long it is, so this bounds scattered dead letters alone.
pub const MAX_AGAIN_PIECES: usize = 100_000;

/// What is to be run again, until it has its further outcome. A start begins it all anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Again {
    waiting: Ranges,
    /// Begun by this process.
    running: Ranges,
}

impl Again {
    pub(super) fn waiting(waiting: Ranges) -> Self {
        Self { waiting, running: Ranges::default() }
    }

    /// Adds what there is room for, and returns that. None of `wanted` is [running](Self::running).
    pub(super) fn add(&mut self, wanted: &Ranges) -> Ranges {
        let mut added = Ranges::default();
        for (first, last) in wanted.iter() {
            if self.waiting.pieces() >= MAX_AGAIN_PIECES {
                break;
            }
            self.waiting.add(first, last);
            added.add(first, last);
        }
        added
    }

    /// The first piece that waits: its first and last position.
    pub(super) fn next(&self) -> Option<(u64, u64)> {
        self.waiting.iter().next()
    }

    /// Whether it waited; it is running then.
    pub(super) fn begin(&mut self, position: u64) -> bool {
        let begun = self.waiting.remove(position, position) > 0;
        if begun {
            self.running.add(position, position);
        }
        begun
    }

    pub(super) fn is_waiting(&self, position: u64) -> bool {
        self.waiting.contains(position)
    }

    pub(super) fn finish(&mut self, first: u64, last: u64) -> u64 {
        self.waiting.remove(first, last) + self.running.remove(first, last)
    }

    /// What waits of these is in the journal no more; how many that is.
    pub(super) fn forget(&mut self, first: u64, last: u64) -> u64 {
        self.waiting.remove(first, last)
    }

    /// What was running is begun anew.
    pub(super) fn rewind(&mut self) {
        self.waiting = self.all();
        self.running = Ranges::default();
    }

    pub(super) fn running(&self) -> &Ranges {
        &self.running
    }

    pub(super) fn first(&self) -> Option<u64> {
        [self.waiting.first(), self.running.first()].into_iter().flatten().min()
    }

    pub(super) fn count(&self) -> u64 {
        self.waiting.count() + self.running.count()
    }

    /// Waiting and running.
    pub(super) fn all(&self) -> Ranges {
        let mut all = self.waiting.clone();
        self.running.iter().for_each(|(first, last)| all.add(first, last));
        all
    }
}
