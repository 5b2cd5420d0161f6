//! The breaker of one host: closed while it is well; open while it is down, when one request at a time finds out.

use std::time::{Duration, Instant};

use crate::limits::{BREAKER_FAILURES, BREAKER_PAUSE};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Breaker {
    /// Everything goes; so many requests have failed since the last success.
    Closed { failures: u32 },
    /// Nothing goes until then, and then one request. `pause` is what led there, and doubles.
    Open { until: Instant, pause: Duration },
    /// One request is on its way to find out.
    Probing { pause: Duration },
}

/// What a request is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    Go,
    /// It goes alone.
    Probe,
    WaitUntil(Instant),
    WaitForProbe,
}

impl Breaker {
    pub(super) fn closed() -> Self {
        Breaker::Closed { failures: 0 }
    }

    /// Whether a request may go; the one that is told to probe has to report, or to give up.
    pub(super) fn turn(&mut self, now: Instant) -> Turn {
        match *self {
            Breaker::Closed { .. } => Turn::Go,
            Breaker::Open { until, .. } if until > now => Turn::WaitUntil(until),
            Breaker::Open { pause, .. } => {
                *self = Breaker::Probing { pause };
                Turn::Probe
            }
            Breaker::Probing { .. } => Turn::WaitForProbe,
        }
    }

    /// The host answered as one does that is well.
    pub(super) fn succeeded(&mut self) {
        *self = Breaker::closed();
    }

    /// A request failed. `after`: how long the host asked to be left alone.
    pub(super) fn failed(&mut self, was_probe: bool, now: Instant, after: Option<Duration>) {
        let pause = match *self {
            Breaker::Closed { failures } if failures + 1 < BREAKER_FAILURES => {
                *self = Breaker::Closed { failures: failures + 1 };
                return;
            }
            Breaker::Closed { .. } => BREAKER_PAUSE.0,
            Breaker::Probing { pause } if was_probe => (pause * 2).min(BREAKER_PAUSE.1),
            // It was sent before the breaker opened, and says nothing new.
            Breaker::Open { .. } | Breaker::Probing { .. } => return,
        };
        *self = Breaker::Open { until: now + pause.max(after.unwrap_or_default()), pause };
    }

    /// A probe was given up and has found out nothing: the next one may try at once.
    pub(super) fn gave_up(&mut self, now: Instant) {
        if let Breaker::Probing { pause } = *self {
            *self = Breaker::Open { until: now, pause };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(1);

    fn open(now: Instant, after: Option<Duration>) -> Breaker {
        let mut breaker = Breaker::closed();
        (0..BREAKER_FAILURES).for_each(|_| breaker.failed(false, now, after));
        breaker
    }

    #[test]
    fn a_host_that_is_down_gets_one_probe_at_a_time() {
        let start = Instant::now();
        let mut breaker = open(start, None);
        let first = start + BREAKER_PAUSE.0;
        assert_eq!(breaker.turn(first - MOMENT), Turn::WaitUntil(first));
        assert_eq!((breaker.turn(first), breaker.turn(first)), (Turn::Probe, Turn::WaitForProbe));
        breaker.failed(true, first, None);
        let second = first + BREAKER_PAUSE.0 * 2;
        assert_eq!((breaker.turn(second - MOMENT), breaker.turn(second)), (Turn::WaitUntil(second), Turn::Probe));
        breaker.succeeded();
        assert_eq!((breaker.turn(second), breaker.turn(second)), (Turn::Go, Turn::Go));
    }

    #[test]
    fn the_pause_grows_no_further_than_the_longest() {
        let mut now = Instant::now();
        let mut breaker = open(now, None);
        for _ in 0..20 {
            now += BREAKER_PAUSE.1;
            assert_eq!(breaker.turn(now), Turn::Probe);
            breaker.failed(true, now, None);
        }
        assert_eq!(breaker.turn(now), Turn::WaitUntil(now + BREAKER_PAUSE.1));
    }

    #[test]
    fn a_success_between_failures_keeps_it_closed() {
        let now = Instant::now();
        let mut breaker = Breaker::closed();
        for _ in 0..3 * BREAKER_FAILURES {
            breaker.failed(false, now, None);
            breaker.succeeded();
        }
        assert_eq!(breaker.turn(now), Turn::Go);
    }

    #[test]
    fn a_host_is_left_alone_for_as_long_as_it_asks() {
        let now = Instant::now();
        let asked = Duration::from_secs(100);
        assert_eq!(open(now, Some(asked)).turn(now), Turn::WaitUntil(now + asked));
    }

    #[test]
    fn late_failures_and_given_up_probes_change_nothing_for_the_worse() {
        let now = Instant::now();
        let mut breaker = open(now, None);
        let before = breaker;
        breaker.failed(false, now + MOMENT, None);
        assert_eq!(breaker, before);
        let first = now + BREAKER_PAUSE.0;
        assert_eq!(breaker.turn(first), Turn::Probe);
        breaker.failed(false, first, None);
        assert_eq!(breaker.turn(first), Turn::WaitForProbe);
        breaker.gave_up(first);
        assert_eq!(breaker.turn(first), Turn::Probe);
    }
}
