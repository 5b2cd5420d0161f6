//! The collector's counters, looked up once: the registry's lookup costs as much as a good part of a parse.

use metrics::Counter;
use tagyard_pipeline::sources::{self, Source};

pub(super) struct Counted {
    pub(super) duplicates: Counter,
    sources: [OfSource; sources::ALL.len()],
}

struct OfSource {
    name: &'static str,
    events: Counter,
    bad: Counter,
}

impl Counted {
    /// Once the recorder of metrics is there: what is looked up before counts nothing.
    pub(super) fn new() -> Self {
        Counted {
            duplicates: metrics::counter!("tagyard_duplicate_events_total"),
            sources: sources::ALL.map(|source| OfSource {
                name: source.name(),
                events: metrics::counter!("tagyard_events_total", "source" => source.name()),
                bad: metrics::counter!("tagyard_bad_events_total", "source" => source.name()),
            }),
        }
    }

    /// Counts what was made durable.
    pub(super) fn accepted(&self, source: &dyn Source, events: u64, bad: u64) {
        for of in self.sources.iter().filter(|of| of.name == source.name()) {
            of.events.increment(events);
            of.bad.increment(bad);
        }
    }
}
