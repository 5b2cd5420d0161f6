//! The collector's counters, looked up once: the registry's lookup costs as much as a good part of a parse.

use metrics::Counter;
use tagyard_pipeline::sources::{self, Source};

use crate::labels::Labels;

pub(super) struct Counted {
    duplicates: Counter,
    sources: [OfSource; sources::ALL.len()],
}

struct OfSource {
    name: &'static str,
    events: Counter,
    bad: Counter,
}

impl Counted {
    /// Once the recorder of metrics is there: what is looked up before counts nothing.
    pub(super) fn new(labels: &Labels) -> Self {
        let of = |source: &dyn Source| labels.with([("source", source.name().to_owned())]);
        Counted {
            duplicates: metrics::counter!("tagyard_duplicate_events_total", labels.with([])),
            sources: sources::ALL.map(|source| OfSource {
                name: source.name(),
                events: metrics::counter!("tagyard_events_total", of(source)),
                bad: metrics::counter!("tagyard_bad_events_total", of(source)),
            }),
        }
    }

    /// Counts what was made durable.
    pub(super) fn accepted(&self, source: &dyn Source, events: u64, bad: u64) {
        for of in self.sources.iter().filter(|of| of.name == source.name()) {
            increment(&of.events, events);
            increment(&of.bad, bad);
        }
    }

    pub(super) fn duplicates(&self, duplicates: u64) {
        increment(&self.duplicates, duplicates);
    }
}

/// All threads count here: whoever has nothing to count takes the counter from nobody.
fn increment(counter: &Counter, by: u64) {
    if by > 0 {
        counter.increment(by);
    }
}
