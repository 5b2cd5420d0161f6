//! An event as it lies in the store until every tag has ended.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::remote::Death;

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
        #[serde(flatten)]
        past: Past,
    },
    /// Its adapter gave no reply so many times.
    Broken {
        times: u32,
        #[serde(default)]
        attempts: u32,
        #[serde(flatten)]
        past: Past,
    },
}

/// What became of an event's requests before, so that none is sent twice while another of them is tried again.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Past {
    /// Requests that were delivered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) delivered: Vec<String>,
    /// Requests that the vendor would not take.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) refused: Vec<String>,
    /// Of what the event is dead, once all of them have come to their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) died: Option<Box<Died>>,
}

/// A death, and at which attempt.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Died {
    #[serde(flatten)]
    pub(crate) death: Death,
    pub(crate) attempts: u32,
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

    /// An event that a person has run again for one tag: all of it that was not delivered. It may wait already, for others. Its key is its
    /// letter's, so that a letter that is redriven twice at once is run once.
    pub(crate) fn again(letter: &str, accepted: Accepted, tag: &str, delivered: Vec<String>, now: SystemTime) -> Self {
        let past = Past { delivered, ..Past::default() };
        let tags = BTreeMap::from([(tag.to_owned(), Progress::Again { attempts: 0, at_ms: 0, past })]);
        Waiting { key: key(&[letter]), accepted: accepted.only_for(tag), since: now, tags }
    }

    /// Whether a person has it run again.
    pub(crate) fn is_again(&self) -> bool {
        self.accepted.only.is_some()
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
