//! What holds up the appends: the disk or the processors.

use std::time::{Duration, Instant};

/// Measured with each group.
#[derive(Debug)]
pub(super) struct Pace {
    /// Whether the sync takes less than half of the time in which as many appends come as are about. Then two groups in turn keep
    /// the processors busy; with a slower disk each sync has to carry all it can.
    pub(super) is_disk_quick: bool,
    ended: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { is_disk_quick: false, ended: Instant::now() }
    }
}

impl Pace {
    /// A group that was begun then has been synced: it had `carried` appends, of `company` that are about.
    pub(super) fn note(&mut self, begun: Instant, carried: usize, company: usize) {
        let now = Instant::now();
        self.is_disk_quick = is_quick(now - begun, now - self.ended, carried, company);
        self.ended = now;
    }
}

/// By how long the sync took, and how long it is since the one before it.
fn is_quick(sync: Duration, cycle: Duration, carried: usize, company: usize) -> bool {
    let round = cycle.as_secs_f64() * company as f64 / carried.max(1) as f64;
    sync.as_secs_f64() * 2.0 < round
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_quick_beside_what_the_appends_take() {
        let check = |sync_us: u64, cycle_us: u64, carried: usize, expected: bool| {
            let (sync, cycle) = (Duration::from_micros(sync_us), Duration::from_micros(cycle_us));
            assert_eq!(is_quick(sync, cycle, carried, 64), expected, "{sync_us} {cycle_us} {carried}");
        };
        check(350, 1_400, 64, true);
        check(350, 650, 32, true);
        check(5_000, 6_300, 64, false);
        check(5_000, 5_000, 32, false);
        check(350, 350, 0, true);
    }
}
