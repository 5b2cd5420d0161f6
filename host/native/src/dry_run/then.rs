//! What was sent then, for some events and one tag.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use jiff::Timestamp;

use crate::history::{History, HistoryError, Part, sent};
use crate::sent::Sent;

/// The most requests whose places are remembered for a chunk of events. A tag that makes thousands of requests of an event would
/// fill the memory; what comes on top counts as not kept.
const MAX_PLACES: usize = 1_000_000;

/// Where the requests are; they are read one event at a time, as their bodies may be long.
pub(super) struct Then {
    calls: HashMap<u64, Vec<Place>>,
    /// Which call carried an event last. What a batch's parts or a later run sent stands in the place of what was before.
    last: BTreeMap<u64, u64>,
}

struct Place {
    position: u64,
    events: Vec<u64>,
}

impl Then {
    /// Of the events at these positions, the first of which was received at `received`.
    pub(super) async fn of(
        history: &History,
        positions: RangeInclusive<u64>,
        received: Timestamp,
        tag: &str,
    ) -> Result<Self, HistoryError> {
        let mut then = Then { calls: HashMap::new(), last: BTreeMap::new() };
        let mut places = 0;
        sent(history, positions, received, Some(tag), |position, sent| {
            places += 1;
            if places > MAX_PLACES {
                return;
            }
            then.last.extend(sent.events.iter().map(|event| (*event, sent.call)));
            then.calls.entry(sent.call).or_default().push(Place { position, events: sent.events });
        })
        .await?;
        Ok(then)
    }

    /// The requests of the last call that carried an event: those that carry it too, those that share another event with these, and
    /// so on; without those in whose place something later stands.
    pub(super) async fn requests(&self, history: &History, event: u64) -> Result<Vec<Sent>, HistoryError> {
        let mut requests = Vec::new();
        for place in self.places(event) {
            let entries = history.read(Part::Sent, place.position, 1).await?;
            // Retention may have let go of it since.
            let entry = entries.first().filter(|entry| entry.position == place.position);
            requests.extend(entry.and_then(|entry| serde_json::from_slice::<Sent>(&entry.payload).ok()));
        }
        Ok(requests)
    }

    fn places(&self, event: u64) -> Vec<&Place> {
        let Some(call) = self.last.get(&event) else { return Vec::new() };
        let all = self.calls.get(call).into_iter().flatten();
        let is_last = |place: &&Place| place.events.iter().any(|event| self.last.get(event) == Some(call));
        let (mut found, mut others): (Vec<&Place>, Vec<&Place>) = (Vec::new(), all.filter(is_last).collect());
        let mut events = BTreeSet::from([event]);
        loop {
            let shares = |place: &&Place| place.events.iter().any(|event| events.contains(event));
            let (sharing, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(shares);
            if sharing.is_empty() {
                break;
            }
            events.extend(sharing.iter().flat_map(|place| &place.events));
            found.extend(sharing);
            others = rest;
        }
        // In the order in which they ended.
        found.sort_unstable_by_key(|place| place.position);
        found
    }
}
