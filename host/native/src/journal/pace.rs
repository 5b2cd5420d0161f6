//! What holds up the appends: the disk or the processors.

use std::time::{Duration, Instant};

/// Measured with each group.
#[derive(Debug)]
pub(super) struct Pace {
    /// Which part of the time in which as many appends come as are about the sync of one group takes.
    share: f64,
    ended: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { share: 1.0, ended: Instant::now() }
    }
}

impl Pace {
    /// A group that was begun then has been synced: it had `carried` appends, of `company` that are about.
    pub(super) fn note(&mut self, begun: Instant, carried: usize, company: usize) {
        let now = Instant::now();
        self.share = share(now - begun, now - self.ended, carried, company);
        self.ended = now;
    }

    /// How many appends of `company` a group takes at most. Where the disk is quick, half: the processors are busy with the other
    /// half while it is synced. With a slow disk each sync has to carry all it can.
    pub(super) fn most(&self, company: usize) -> usize {
        if self.share > SLOW { usize::MAX } else { company / 2 }
    }
}

/// From here on the disk is what holds up the appends.
const SLOW: f64 = 1.0 / 3.0;

/// By how long the sync took, and how long it is since the one before it.
fn share(sync: Duration, cycle: Duration, carried: usize, company: usize) -> f64 {
    let round = cycle.as_secs_f64() * company as f64 / carried.max(1) as f64;
    (sync.as_secs_f64() / round).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_leave_something_to_do_where_the_disk_is_quick() {
        let check = |sync_us: u64, cycle_us: u64, carried: usize, expected: usize| {
            let (sync, cycle) = (Duration::from_micros(sync_us), Duration::from_micros(cycle_us));
            let pace = Pace { share: share(sync, cycle, carried, 64), ended: Instant::now() };
            assert_eq!(pace.most(64), expected, "{sync_us} {cycle_us} {carried}");
        };
        check(350, 1_400, 64, 32);
        check(350, 650, 32, 32);
        check(100, 1_000, 64, 32);
        check(5_000, 6_300, 64, usize::MAX);
        check(5_000, 5_000, 32, usize::MAX);
        check(350, 0, 0, usize::MAX);
        assert_eq!(Pace::default().most(64), usize::MAX);
    }
}
