//! An event as it lies in the store until every tag has ended.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tagyard_pipeline::accepted::Accepted;

use crate::app::App;
use crate::tag::Tag;

/// The format that is written. A reader knows this one and all before it.
const VERSION: u32 = 1;

/// An event, and what of it is left to do.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) key: String,
    pub(crate) accepted: Accepted,
    /// When the age of its deliveries begins: as it was accepted, or redriven.
    pub(crate) since: SystemTime,
    /// The tags that have begun; one that is not named has not, or was interrupted.
    pub(crate) tags: BTreeMap<String, Progress>,
}

/// How far a tag is with an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    /// Its outcome has been recorded.
    Ended,
    /// A request of it is tried again.
    Again {
        attempts: u32,
        at_ms: u64,
        /// Its requests that were delivered.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        delivered: Vec<String>,
    },
    /// Its adapter gave no reply so many times.
    Broken { times: u32 },
}

#[derive(Deserialize, Serialize)]
struct Written<'w> {
    v: u32,
    /// Until then somebody is at it, and others leave it alone.
    busy_until_ms: u64,
    since_ms: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, Progress>,
    #[serde(borrow)]
    accepted: &'w RawValue,
}

/// What was read, and until when somebody else is at it.
pub(crate) struct Read {
    pub(crate) waiting: Waiting,
    pub(crate) busy_until: SystemTime,
}

impl Waiting {
    /// An event that has just come. Its key is its `messageId`'s, so that one that is sent again while it waits is not taken twice.
    pub(crate) fn new(container: &str, accepted: Accepted, now: SystemTime) -> Self {
        let key = key(&[container, accepted.event.message_id()]);
        Waiting { key, accepted, since: now, tags: BTreeMap::new() }
    }

    /// An event that a person has run again for one tag. It may wait already, for others.
    pub(crate) fn again(container: &str, accepted: Accepted, tag: &str, now: SystemTime) -> Self {
        let key = key(&[container, accepted.event.message_id(), tag, &millis(now).to_string()]);
        Waiting { key, accepted: accepted.only_for(tag), since: now, tags: BTreeMap::new() }
    }

    /// Whether some tag has something to do now.
    pub(crate) fn is_due(&self, app: &App, now: SystemTime) -> bool {
        let is_due = |tag: &Tag| match self.tags.get(&tag.name) {
            Some(Progress::Ended) => false,
            Some(Progress::Again { at_ms, .. }) => from_millis(*at_ms) <= now,
            Some(Progress::Broken { .. }) | None => true,
        };
        // What a container without its tag leaves behind is due, too, so as to be removed.
        let is_over = || app.tags.iter().all(|tag| self.tags.get(&tag.name) == Some(&Progress::Ended));
        app.tags.iter().any(is_due) || is_over()
    }

    pub(crate) fn write(&self, busy_until: SystemTime) -> Result<Vec<u8>, serde_json::Error> {
        let accepted = RawValue::from_string(self.accepted.to_json())?;
        serde_json::to_vec(&Written {
            v: VERSION,
            busy_until_ms: millis(busy_until),
            since_ms: millis(self.since),
            tags: self.tags.clone(),
            accepted: &accepted,
        })
    }

    /// `None` for what this release cannot read.
    pub(crate) fn read(key: &str, bytes: &[u8]) -> Option<Read> {
        let written: Written<'_> =
            serde_json::from_slice(bytes).ok().filter(|written: &Written<'_>| written.v == VERSION)?;
        let accepted = Accepted::from_bytes(written.accepted.get().as_bytes()).ok()?;
        let since = from_millis(written.since_ms);
        let waiting = Waiting { key: key.to_owned(), accepted, since, tags: written.tags };
        Some(Read { waiting, busy_until: from_millis(written.busy_until_ms) })
    }
}

pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn from_millis(millis: u64) -> SystemTime {
    // A time that cannot be is long past: nobody waits for it.
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(SystemTime::UNIX_EPOCH)
}

fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    format!("{}{}", crate::store::EVENTS, hex::encode(&hash.finalize()[..16]))
}
