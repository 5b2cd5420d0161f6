//! How many events wait. To count them is to list the store, so it is done now and then, by one instance for all.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use spin_sdk::key_value::Error;
use tagyard_pipeline::container::model::Container;

use crate::app::App;
use crate::record::{from_millis, millis};
use crate::seen::MAX_UNFORGOTTEN;
use crate::store::Store;

/// The most events that wait, and the most dead letters. With 32 KB each they fill what a platform gives an application. As an instance
/// does not see what others accept until they are counted anew, there may be some more.
pub(crate) const MAX_WAITING: usize = 10_000;
pub(crate) const MAX_LETTERS: usize = 10_000;

/// What the store has of an event besides: what is kept of its request, and how far its tags are.
const BESIDE: usize = 12 * 1024;

/// How long a count is gone by.
const COUNT_EVERY: Duration = Duration::from_secs(10);

/// Where it is for the other instances.
const COUNTED: &str = "counted";

/// What was counted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
struct Counted {
    at_ms: u64,
    events: usize,
    seen: usize,
}

thread_local! {
    /// With what this instance has accepted since.
    static HERE: Cell<Option<Counted>> = const { Cell::new(None) };
}

/// How many events may wait: with `journal.max_mib` as many as have room there if each is as long as an event may be, since nobody looks
/// into the store for how long they are.
pub(crate) fn most(container: &Container) -> usize {
    let longest = container.collect.max_event_bytes + BESIDE;
    let most = container.journal.max_mib.map_or(MAX_WAITING as u64, |mib| mib.saturating_mul(1 << 20) / longest as u64);
    usize::try_from(most).map_or(MAX_WAITING, |most| most.min(MAX_WAITING))
}

/// Whether there is room for more events. A store without events has it for whatever a request may bring.
pub(crate) async fn has_room(app: &App, store: &Store, events: usize) -> Result<bool, Error> {
    let counted = counted(store).await?;
    Ok(counted.events == 0 || counted.events + events <= app.max_waiting)
}

/// Counts events that are about to be written.
pub(crate) fn count(events: usize) {
    let more = |counted: Counted| Counted { events: counted.events + events, ..counted };
    HERE.set(HERE.get().map(more));
}

/// Whether events are remembered that have ended. Where no drain forgets the oldest of them, they are not.
pub(crate) fn may_remember() -> bool {
    HERE.get().is_none_or(|counted| counted.seen < MAX_UNFORGOTTEN)
}

/// Tells the other instances how many events wait, and how many are remembered.
pub(crate) async fn tell(store: &Store, events: usize, seen: usize) -> Result<(), Error> {
    let counted = Counted { at_ms: millis(SystemTime::now()), events, seen };
    HERE.set(Some(counted));
    let json = serde_json::to_vec(&counted).map_err(|error| Error::Other(error.to_string()))?;
    store.set(COUNTED, &json).await
}

async fn counted(store: &Store) -> Result<Counted, Error> {
    if let Some(counted) = HERE.get().filter(is_fresh) {
        return Ok(counted);
    }
    let told = store.value(COUNTED).await?.and_then(|json| serde_json::from_slice(&json).ok());
    if let Some(counted) = told.filter(is_fresh) {
        HERE.set(Some(counted));
        return Ok(counted);
    }
    let keys = store.keys()?;
    tell(store, keys.events.len(), keys.seen.len()).await?;
    Ok(HERE.get().unwrap_or_default())
}

/// One of the future would be believed for as long: clocks differ.
fn is_fresh(counted: &Counted) -> bool {
    let age = SystemTime::now().duration_since(from_millis(counted.at_ms));
    age.is_ok_and(|age| age < COUNT_EVERY)
}
