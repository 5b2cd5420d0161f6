//! The key-value store: events until every tag has ended, dead letters, and which events have been. Bounded, as a platform's store is.
//!
//! One value at a time goes by Spin's own interface, which holds up no other request of the instance. What has to be done at once, or for
//! many keys, goes by `wasi:keyvalue`, which every Spin has too.

use std::time::SystemTime;

use spin_sdk::experimental::wasi::keyvalue::store::{Bucket, open};
use spin_sdk::experimental::wasi::keyvalue::{atomics, batch};
use spin_sdk::key_value::{Error, Store as KeyValue};

use crate::record::{Read, Waiting};
use crate::seen;

/// What keys begin with: those of events, of dead letters, of the events that have been, and of drains at work.
pub(crate) const EVENTS: &str = "e/";
pub(crate) const LETTERS: &str = "d/";
pub(crate) const SEEN: &str = "s/";
pub(crate) const HELD: &str = "h/";

/// The label that is there on every Spin.
const LABEL: &str = "default";

/// Keys of one call for many: no store takes fewer, and the smallest takes no more. Where one does not take several at once, they go one by one.
const MANY: usize = 25;

/// The open store.
pub(crate) struct Store(KeyValue);

/// All keys, by what they begin with, each kind sorted.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) events: Vec<String>,
    pub(crate) letters: Vec<String>,
    pub(crate) seen: Vec<String>,
    pub(crate) held: Vec<String>,
}

impl Store {
    pub(crate) async fn open() -> Result<Self, Error> {
        Ok(Store(KeyValue::open(LABEL).await?))
    }

    /// Whether the event waits already, or has been.
    pub(crate) async fn has(&self, waiting: &Waiting) -> Result<bool, Error> {
        // In this order: when an event ends, it is remembered before it is removed.
        Ok(self.0.exists(&waiting.key).await? || self.0.exists(&seen::key(&waiting.key)).await?)
    }

    /// Writes an event, or what is left to do of it.
    pub(crate) async fn put(&self, waiting: &Waiting, busy_until: SystemTime) -> Result<(), Error> {
        self.0.set(&waiting.key, written(waiting, busy_until)?).await
    }

    /// The same of events that have come together.
    pub(crate) async fn put_all(&self, events: &[&Waiting], busy_until: SystemTime) -> Result<(), Error> {
        let record = |waiting: &&Waiting| Ok((waiting.key.clone(), written(waiting, busy_until)?));
        self.set_all(&events.iter().map(record).collect::<Result<Vec<_>, Error>>()?).await
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

    pub(crate) async fn set_all(&self, values: &[(String, Vec<u8>)]) -> Result<(), Error> {
        for values in values.chunks(MANY) {
            if values.len() == 1 || batch::set_many(&bucket()?, values).is_err() {
                for (key, value) in values {
                    self.set(key, value).await?;
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn delete_all(&self, keys: &[String]) -> Result<(), Error> {
        for keys in keys.chunks(MANY) {
            if keys.len() == 1 || batch::delete_many(&bucket()?, keys).is_err() {
                for key in keys {
                    self.delete(key).await?;
                }
            }
        }
        Ok(())
    }

    /// Adds to a number that nobody else uses in another way, at once; what it is then.
    pub(crate) fn add(&self, key: &str, number: i64) -> Result<i64, Error> {
        atomics::increment(&bucket()?, key, number).map_err(of_wasi)
    }

    /// Lists the store. Not by Spin's own interface: it gives the keys as a stream, and the store is locked until the last one is read. Another
    /// request of the instance that uses the store meanwhile blocks the thread on which they would be read, and everything stands still.
    pub(crate) fn keys(&self) -> Result<Keys, Error> {
        let bucket = bucket()?;
        let mut keys = Keys::default();
        let mut next = None;
        loop {
            let page = bucket.list_keys(next.as_deref()).map_err(of_wasi)?;
            page.keys.into_iter().for_each(|key| keys.add(key));
            next = page.cursor;
            if next.is_none() {
                break;
            }
        }
        for keys in [&mut keys.events, &mut keys.letters, &mut keys.seen, &mut keys.held] {
            keys.sort_unstable();
        }
        Ok(keys)
    }
}

impl Keys {
    fn add(&mut self, key: String) {
        match key.get(..2) {
            Some(EVENTS) => self.events.push(key),
            Some(LETTERS) => self.letters.push(key),
            Some(SEEN) => self.seen.push(key),
            Some(HELD) => self.held.push(key),
            _ => {}
        }
    }
}

fn written(waiting: &Waiting, busy_until: SystemTime) -> Result<Vec<u8>, Error> {
    waiting.write(busy_until).map_err(|error| Error::Other(error.to_string()))
}

fn bucket() -> Result<Bucket, Error> {
    open(LABEL).map_err(of_wasi)
}

fn of_wasi(error: spin_sdk::experimental::wasi::keyvalue::store::Error) -> Error {
    Error::Other(format!("{error:?}"))
}
