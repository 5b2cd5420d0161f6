//! What happens in a round, drawn from the seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use crate::tags::TAGS;

/// How a vendor does for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Weather {
    Well,
    Slow,
    Failing,
    Limiting,
    Resetting,
    Mixed,
}

/// What becomes of one request. "Taken" is what the vendor has processed, whatever the host hears of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Take,
    /// Taken at once, answered later.
    TakeThenWait(Duration),
    WaitThenTake(Duration),
    /// Taken; the answer breaks off in its body.
    TakeAndBreakOff,
    /// Taken; the connection is reset before the answer.
    TakeAndReset,
    Fail,
    /// 429 with `Retry-After`.
    Limit,
    /// Reset in the middle of the request.
    Reset,
}

impl Weather {
    pub(crate) fn fate(self, random: &mut StdRng) -> Fate {
        const ALL: [Weather; 5] =
            [Weather::Well, Weather::Slow, Weather::Failing, Weather::Limiting, Weather::Resetting];
        let wait = Duration::from_millis(random.random_range(20..800));
        let half = random.random_bool(0.5);
        match self {
            Weather::Well => Fate::Take,
            Weather::Slow if half => Fate::TakeThenWait(wait),
            Weather::Slow => Fate::WaitThenTake(wait),
            Weather::Failing => Fate::Fail,
            Weather::Limiting if half => Fate::Limit,
            Weather::Limiting => Fate::Take,
            Weather::Resetting => match random.random_range(0..4) {
                0 => Fate::TakeAndReset,
                1 => Fate::TakeAndBreakOff,
                2 => Fate::Reset,
                _ => Fate::Take,
            },
            Weather::Mixed => ALL.choose(random).unwrap_or(&Weather::Well).fate(random),
        }
    }
}

/// How one life of the process ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// `kill -9` so long after it was started, mostly before it listens.
    KillInStart(Duration),
    /// `kill -9` so long after it listens.
    Kill(Duration),
    /// `kill -9` as soon as so many more requests were acknowledged.
    KillAfterAnswers(u64),
    /// SIGTERM so long after it listens.
    Terminate(Duration),
}

/// What a person does with a running host.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Doing {
    /// A changed container with the same tags, and SIGHUP.
    Reload,
    /// Of all dead letters.
    Redrive,
}

/// One life of the process, the weather and what is done during it.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) end: End,
    /// For each tag's vendor, one after the other, each for `phase`; then from the beginning.
    pub(crate) weather: Vec<[Weather; TAGS.len()]>,
    pub(crate) phase: Duration,
    /// All vendors are gone from then, for so long.
    pub(crate) outage: Option<(Duration, Duration)>,
    /// So long after it listens, one after the other.
    pub(crate) doings: Vec<(Duration, Doing)>,
}

/// All rounds of a run.
pub(crate) struct Plan(StdRng);

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        Plan(StdRng::seed_from_u64(seed))
    }

    /// A source of chance of its own, for a part that draws at its own pace.
    pub(crate) fn split(&mut self) -> StdRng {
        StdRng::seed_from_u64(self.0.random())
    }

    pub(crate) fn round(&mut self) -> Round {
        let random = &mut self.0;
        let mut millis = |range: std::ops::Range<u64>| Duration::from_millis(random.random_range(range));
        let (in_start, after, phase) = (millis(0..250), millis(50..3_000), millis(150..900));
        let outage = (millis(0..1_500), millis(100..1_500));
        let end = match random.random_range(0..20) {
            0..4 => End::KillInStart(in_start),
            4..8 => End::KillAfterAnswers(random.random_range(1..60)),
            8..11 => End::Terminate(after),
            _ => End::Kill(after),
        };
        let weather = (0..4).map(|_| std::array::from_fn(|_| weather(random))).collect();
        let outage = random.random_bool(0.25).then_some(outage);
        let mut doings: Vec<(Duration, Doing)> = Vec::new();
        for (doing, probability) in [(Doing::Reload, 0.4), (Doing::Reload, 0.3), (Doing::Redrive, 0.4)] {
            if random.random_bool(probability) {
                doings.push((Duration::from_millis(random.random_range(0..1_500)), doing));
            }
        }
        doings.sort_by_key(|(after, _)| *after);
        Round { end, weather, phase, outage, doings }
    }
}

fn weather(random: &mut StdRng) -> Weather {
    match random.random_range(0..10) {
        0..4 => Weather::Well,
        4 => Weather::Slow,
        5 => Weather::Failing,
        6 => Weather::Limiting,
        7 => Weather::Resetting,
        _ => Weather::Mixed,
    }
}
