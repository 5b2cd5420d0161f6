//! The key-value store: events until every tag has ended, and dead letters. Bounded, as a platform's store is.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

use spin_sdk::key_value::{Error, Store as KeyValue};

use crate::keys;
use crate::record::{Read, Waiting};

/// What events' and dead letters' keys begin with.
pub(crate) const EVENTS: &str = "e/";
pub(crate) const LETTERS: &str = "d/";

/// Where the last drain stopped.
const DRAINED: &str = "drained";

/// The label that is there on every Spin.
const LABEL: &str = "default";

/// The most events that wait, and the most dead letters. With 32 KB each they fill what a platform gives an application; as
/// instances count for themselves, there may be some more.
pub(crate) const MAX_WAITING: usize = 10_000;
pub(crate) const MAX_LETTERS: usize = 10_000;

/// How long a count is gone by. To count means to list all keys.
const COUNT_EVERY: Duration = Duration::from_secs(10);

thread_local! {
    /// When events were counted last, and how many there were, with those that came since.
    static COUNTED: Cell<Option<(Instant, usize)>> = const { Cell::new(None) };
}

/// The open store.
pub(crate) struct Store(KeyValue);

impl Store {
    pub(crate) async fn open() -> Result<Self, Error> {
        Ok(Store(KeyValue::open(LABEL).await?))
    }

    /// Whether there is room for more events.
    pub(crate) async fn has_room(&self, events: usize) -> Result<bool, Error> {
        let count = match COUNTED.get().filter(|(at, _)| at.elapsed() < COUNT_EVERY) {
            Some((_, count)) => count,
            None => {
                let count = self.keys(EVENTS).await?.len();
                COUNTED.set(Some((Instant::now(), count)));
                count
            }
        };
        Ok(count + events <= MAX_WAITING)
    }

    /// Counts events that are about to be written.
    pub(crate) fn count(&self, events: usize) {
        COUNTED.set(COUNTED.get().map(|(at, count)| (at, count + events)));
    }

    /// Whether the event waits already.
    pub(crate) async fn has(&self, waiting: &Waiting) -> Result<bool, Error> {
        self.0.exists(&waiting.key).await
    }

    /// Writes an event, or what is left to do of it.
    pub(crate) async fn put(&self, waiting: &Waiting, busy_until: SystemTime) -> Result<(), Error> {
        let record = waiting.write(busy_until).map_err(|error| Error::Other(error.to_string()))?;
        self.0.set(&waiting.key, record).await
    }

    /// `None` where it is no longer there, or cannot be read.
    pub(crate) async fn event(&self, key: &str) -> Result<Option<Read>, Error> {
        Ok(self.0.get(key).await?.and_then(|record| Waiting::read(key, &record)))
    }

    pub(crate) async fn value(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.0.get(key).await
    }

    pub(crate) async fn set(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        self.0.set(key, value).await
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), Error> {
        self.0.delete(key).await
    }

    /// The keys that begin so, sorted.
    pub(crate) async fn keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut keys = keys::list(LABEL)?;
        keys.retain(|key| key.starts_with(prefix));
        keys.sort_unstable();
        Ok(keys)
    }

    /// The key at which the last drain stopped.
    pub(crate) async fn drained(&self) -> Result<Option<String>, Error> {
        Ok(self.0.get(DRAINED).await?.and_then(|key| String::from_utf8(key).ok()))
    }

    pub(crate) async fn set_drained(&self, key: &str) -> Result<(), Error> {
        self.0.set(DRAINED, key).await
    }
}
