//! Dead letters in the store. Their keys begin with the time they died, so that they are listed in that order and go by age unread.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use spin_sdk::key_value::Error;
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::dead_letter::DeadLetter;
use tagyard_pipeline::event::Event;

use crate::app::App;
use crate::record::{Waiting, millis};
use crate::room::MAX_LETTERS;
use crate::said;
use crate::store::{LETTERS, Store};

/// Letters of one page, and how many are read to find them.
const PAGE: usize = 100;
const READ: usize = 1_000;

/// Which letters a person means.
#[derive(Debug, Default)]
pub(crate) struct Which {
    pub(crate) tag: Option<String>,
    pub(crate) cause: Option<String>,
    pub(crate) key: Option<String>,
    /// Only those with a later key.
    pub(crate) after: Option<String>,
}

/// A page of letters.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    letters: Vec<Numbered>,
    /// What to ask for as `after` to go on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct Numbered {
    key: String,
    #[serde(flatten)]
    letter: DeadLetter,
    #[serde(skip)]
    delivered: Vec<String>,
}

/// A letter as the store has it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Letter {
    #[serde(flatten)]
    pub(crate) letter: DeadLetter,
    /// The event's requests that were delivered, by their fingerprint: they are not sent once more when it is redriven.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) delivered: Vec<String>,
}

/// What became of the letters that a person had redriven.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Redriven {
    redriven: usize,
    /// Of no tag, or with an event that cannot be read.
    left: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(crate) async fn put(store: &Store, letter: &Letter) -> Result<(), Error> {
    let at = u64::try_from(letter.letter.at.as_millisecond()).unwrap_or_default();
    let key = format!("{LETTERS}{at:013}-{:016x}", rand::random::<u64>());
    let json = serde_json::to_vec(letter).map_err(|error| Error::Other(error.to_string()))?;
    store.set(&key, &json).await
}

pub(crate) async fn list(store: &Store, which: &Which) -> Result<Page, Error> {
    let (letters, next) = find(store, which).await?;
    Ok(Page { letters, next })
}

/// Has letters run again: each becomes an event for its tag alone, and is settled once that is written down.
pub(crate) async fn redrive(app: &App, store: &Store, which: &Which) -> Result<Redriven, Error> {
    let (letters, next) = find(store, which).await?;
    let mut redriven = Redriven { next, ..Redriven::default() };
    for Numbered { key, letter, delivered } in letters {
        let Some(waiting) = again(app, &key, letter, delivered) else {
            redriven.left += 1;
            continue;
        };
        // Nobody is at it, so the next drain takes it.
        store.put(&waiting, SystemTime::UNIX_EPOCH).await?;
        store.delete(&key).await?;
        redriven.redriven += 1;
    }
    Ok(redriven)
}

/// Lets go of one letter; whether it was there.
pub(crate) async fn forget(store: &Store, key: &str) -> Result<bool, Error> {
    let is_there = key.starts_with(LETTERS) && store.value(key).await?.is_some();
    if is_there {
        store.delete(key).await?;
    }
    Ok(is_there)
}

/// Lets go of letters that are too old, and of the oldest beyond what the store may hold; how many are left.
pub(crate) async fn let_go(store: &Store, keys: &[String], keep: Duration) -> Result<usize, Error> {
    let oldest = SystemTime::now().checked_sub(keep).map(millis).unwrap_or_default();
    let beyond = keys.len().saturating_sub(MAX_LETTERS);
    let is_old = |key: &str| died_ms(key).is_some_and(|at| at < oldest);
    let gone = keys.iter().enumerate().filter(|(at, key)| *at < beyond || is_old(key));
    let gone: Vec<String> = gone.map(|(_, key)| key.clone()).collect();
    if beyond > 0 {
        said::problem(&format!("{beyond} dead letters go before their time: the store may hold {MAX_LETTERS}"));
    }
    store.delete_all(&gone).await?;
    Ok(keys.len() - gone.len())
}

async fn find(store: &Store, which: &Which) -> Result<(Vec<Numbered>, Option<String>), Error> {
    let mut letters = Vec::new();
    let mut read = 0;
    for key in store.keys()?.letters {
        if which.after.as_ref().is_some_and(|after| key <= *after) || which.key.as_ref().is_some_and(|one| key != *one)
        {
            continue;
        }
        if letters.len() == PAGE || read == READ {
            let last = letters.last().map(|letter: &Numbered| letter.key.clone());
            return Ok((letters, last.or(which.after.clone())));
        }
        read += 1;
        let letter: Option<Letter> = store.value(&key).await?.and_then(|json| serde_json::from_slice(&json).ok());
        let letter = letter.filter(|letter| which.takes(&letter.letter));
        letters.extend(letter.map(|Letter { letter, delivered }| Numbered { key, letter, delivered }));
    }
    Ok((letters, None))
}

fn again(app: &App, key: &str, letter: DeadLetter, delivered: Vec<String>) -> Option<Waiting> {
    let tag = letter.tag.filter(|name| app.tags.iter().any(|tag| tag.name == *name))?;
    let event: Event = serde_json::from_value(letter.event).ok()?;
    // The source is no part of what a tag sees.
    let accepted = Accepted::new(letter.at, "dead-letter", letter.brought_by, event);
    Some(Waiting::again(key, accepted, &tag, delivered, SystemTime::now()))
}

impl From<DeadLetter> for Letter {
    fn from(letter: DeadLetter) -> Self {
        Letter { letter, delivered: Vec::new() }
    }
}

fn died_ms(key: &str) -> Option<u64> {
    key.strip_prefix(LETTERS)?.split_once('-')?.0.parse().ok()
}

impl Which {
    fn takes(&self, letter: &DeadLetter) -> bool {
        self.tag.as_ref().is_none_or(|tag| letter.tag.as_ref() == Some(tag))
            && self.cause.as_deref().is_none_or(|cause| letter.cause.name() == cause)
    }
}
