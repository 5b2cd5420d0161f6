//! Retention: lets go of events, outcomes and dead letters by the container's `[journal]`. What a tag still needs is kept in any
//! case: a journal at its limit takes no more events instead.

use std::time::Duration;

use tagyard_pipeline::container::model;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use crate::dead_letters::DeadLetters;
use crate::journal::{LARGE_APPEND_BYTES, Log, Retain, SEGMENT_BYTES};
use crate::limits::{KEEP_CHECK_EVERY, ROOM_CHECK_EVERY};
use crate::outcomes::Recorder;
use crate::sent::SENT_BYTES;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Records are let go by whole segments, so a small history has to consist of small ones.
const SEGMENTS_OF_A_HISTORY: u64 = 16;

/// The smallest segment; below it their number would cost more than their size saves.
const LEAST_SEGMENT_BYTES: u64 = 64 * 1024;

/// A container's `[journal]` in the units of the logs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Keep {
    pub age: Duration,
    /// Of events and of outcomes each.
    pub bytes: u64,
    pub max_bytes: Option<u64>,
    pub letters_age: Duration,
}

/// The logs that are kept small, and who says what is needed of them.
pub(crate) struct Kept {
    pub(crate) journal: Log,
    pub(crate) outcomes: Log,
    pub(crate) sent: Log,
    pub(crate) letters: DeadLetters,
    pub(crate) recorder: Recorder,
}

impl From<&model::Journal> for Keep {
    fn from(journal: &model::Journal) -> Self {
        let mib = |mib: u64| mib.saturating_mul(1 << 20);
        Keep {
            age: DAY * journal.keep_days,
            bytes: mib(journal.keep_mib),
            max_bytes: journal.max_mib.map(mib),
            letters_age: DAY * journal.keep_dead_days,
        }
    }
}

impl Keep {
    /// The size of a segment of the journal.
    pub fn segment_bytes(&self) -> u64 {
        let least = self.max_bytes.map_or(self.bytes, |max| max.min(self.bytes));
        (least / SEGMENTS_OF_A_HISTORY).clamp(LEAST_SEGMENT_BYTES, SEGMENT_BYTES)
    }

    /// What passed events may make of the journal. A journal with a limit has room for new events beside them.
    fn history_bytes(&self) -> u64 {
        let room = (2 * self.segment_bytes()).max(2 * LARGE_APPEND_BYTES);
        self.max_bytes.map_or(self.bytes, |max| max.saturating_sub(room).min(self.bytes))
    }
}

impl Kept {
    /// Runs until it is aborted.
    pub(crate) async fn run(self, mut keep: watch::Receiver<Keep>) {
        let mut tick = tokio::time::interval(ROOM_CHECK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // At once: a container among several may rest before the first minute is over.
        let mut looked: Option<Instant> = None;
        let mut was_full = false;
        loop {
            let changed = tokio::select! {
                _ = tick.tick() => false,
                changed = keep.changed() => match changed {
                    Ok(()) => true,
                    Err(_) => return,
                },
            };
            let now = *keep.borrow_and_update();
            if changed {
                self.journal.set_bounds(now.max_bytes, now.segment_bytes());
                self.outcomes.set_bounds(None, now.segment_bytes());
            }
            if self.journal.bytes() > now.history_bytes()
                || changed
                || looked.is_none_or(|looked| looked.elapsed() >= KEEP_CHECK_EVERY)
            {
                self.let_go(&now).await;
                looked = Some(Instant::now());
            }
            let is_full = self.journal.stats().is_full();
            match (was_full, is_full) {
                (false, true) => tracing::error!(
                    bytes = self.journal.bytes(),
                    "the journal is at its limit (`journal.max_mib`): no event is accepted until a tag that holds it back is done \
                     with some; `tagyard status` shows which"
                ),
                (true, false) => tracing::info!("the journal has room again: events are accepted"),
                _ => {}
            }
            was_full = is_full;
        }
    }

    async fn let_go(&self, keep: &Keep) {
        let (event, outcome) = self.recorder.needed();
        // Without tags nobody needs an event, and age and size alone decide.
        let event = event.unwrap_or_else(|| self.journal.durable_position() + 1);
        let max_age_ms = Some(millis(keep.age));
        let journal = Retain { before: event, max_age_ms, max_bytes: Some(keep.history_bytes()) };
        let outcomes = Retain { before: outcome, max_age_ms, max_bytes: Some(keep.bytes) };
        let sent = Retain {
            before: self.sent.durable_position() + 1,
            max_age_ms,
            max_bytes: Some(keep.bytes.min(SENT_BYTES)),
        };
        let logs = [
            (&self.journal, journal, "events"),
            (&self.outcomes, outcomes, "outcomes"),
            (&self.sent, sent, "sent requests"),
        ];
        for (log, retain, what) in logs {
            match log.retain(retain).await {
                Ok(0) => {}
                Ok(freed) => tracing::info!(freed, "bytes of old {what} were let go"),
                Err(error) => tracing::warn!(%error, "old {what} cannot be deleted"),
            }
        }
        let days = keep.letters_age.as_secs() / DAY.as_secs();
        match self.letters.let_go(millis(keep.letters_age)).await {
            Ok(0) => {}
            Ok(letters) => tracing::warn!(letters, days, "dead letters that nobody took up were let go"),
            Err(error) => tracing::warn!(%error, "old dead letters cannot be deleted"),
        }
    }
}

fn millis(age: Duration) -> i64 {
    i64::try_from(age.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_history_leaves_room_for_new_events_and_consists_of_several_segments() {
        let check = |keep_mib: u64, max_mib: Option<u64>, history: u64, segment: u64| {
            let keep = Keep::from(&model::Journal { keep_mib, max_mib, ..model::Journal::default() });
            assert_eq!((keep.history_bytes(), keep.segment_bytes()), (history, segment), "{keep_mib} {max_mib:?}");
        };
        check(10 * 1_024, None, 10 * 1_024 * MIB, 64 * MIB);
        check(100, None, 100 * MIB, 100 * MIB / 16);
        check(1, None, MIB, MIB / 16);
        check(10 * 1_024, Some(16 * 1_024), 10 * 1_024 * MIB, 64 * MIB);
        check(10 * 1_024, Some(1_024), (1_024 - 128) * MIB, 64 * MIB);
        check(10 * 1_024, Some(2), MIB, 2 * MIB / 16);
        check(1_000_000_000, Some(1), 0, MIB / 16);
    }
}
