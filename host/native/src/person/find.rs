//! Finding a person's ids and events.
//!
//! The journal and the dead letters are gone through as often as it takes until no further id is found: events of an anonymous id lie
//! before the first one that says whose it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::held::Found;
use super::ids::About;
use super::{Ids, Who};
use crate::history::{History, HistoryError, Part, Span, Walk};
use crate::journal::{Ranges, Traces};

/// The most ids that one person is found by. More is no person but an id that many share, such as `unknown`.
const MAX_IDS: usize = 10_000;

/// How often the logs are gone through. A device leads to a user, the user to further devices; each takes a pass or two.
const MAX_PASSES: usize = 32;

/// The most e-mail addresses that are looked for.
const MAX_ADDRESSES: usize = 1_000;

/// A person as the events tell of one.
#[derive(Debug, Default)]
pub struct Person {
    /// All ids: those that were given, and those that were found.
    pub ids: Ids,
    /// The ones that were found: seen together with the others, and with no other user.
    pub found: Ids,
    /// Ids that were seen with another user too, so they are not taken for the person's.
    pub shared: BTreeSet<String>,
    /// The events' positions in the journal; also of those that only a dead letter still has.
    pub events: Ranges,
    /// The ones that the journal has.
    pub journal: Found,
    /// All events of the journal, whoever they are about, and the last of them.
    pub(super) readable: Ranges,
    pub(super) last: u64,
    /// How many of them name another user beside an id of this person.
    pub of_others: u64,
    /// E-mail addresses in the events.
    addresses: BTreeSet<String>,
}

/// Why a person was not found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(
        "the events lead to more than {MAX_IDS} ids, which are not one person's; give --only-these-ids to have none added"
    )]
    TooMany,
    #[error("the ids cannot be searched for: {0}")]
    Search(String),
}

/// What the logs say of some ids.
#[derive(Default)]
struct Pass {
    person: Person,
    /// Ids seen with one of the users.
    beside: BTreeSet<String>,
    /// Of the candidates, those that were seen with another user.
    shared: BTreeSet<String>,
    /// The users that an anonymous id of the person was seen with; two of them are as many as more.
    users: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Letter {
    position: Option<u64>,
    #[serde(default)]
    event: Value,
}

impl Person {
    /// Finds the ids and the events of a person.
    ///
    /// # Errors
    /// When the logs cannot be read, or the ids are no person's.
    pub async fn find(history: &History, who: &Who) -> Result<Self, FindError> {
        let mut ids = who.ids.clone();
        let mut found = Ids::default();
        let mut shared = BTreeSet::new();
        let mut candidates = BTreeSet::new();
        for _ in 0..MAX_PASSES {
            let pass = Pass::over(history, &ids, &candidates).await?;
            let done = Person { found: found.clone(), shared: shared.clone(), ids: ids.clone(), ..pass.person };
            if who.only_these {
                return Ok(done);
            }
            shared.extend(pass.shared);
            candidates.retain(|id| !shared.contains(id));
            let mut added = Ids { anonymous_ids: candidates, ..Ids::default() };
            for users in pass.users.into_values().filter(|users| users.len() == 1) {
                added.user_ids.extend(users.into_iter().filter(|id| !ids.user_ids.contains(id)));
            }
            candidates = pass.beside;
            candidates.retain(|id| !added.anonymous_ids.contains(id) && !shared.contains(id));
            if added.is_empty() && candidates.is_empty() {
                return Ok(Person { shared, ..done });
            }
            for ids in [&mut ids, &mut found] {
                ids.user_ids.extend(added.user_ids.iter().cloned());
                ids.anonymous_ids.extend(added.anonymous_ids.iter().cloned());
            }
            if ids.count() + candidates.len() > MAX_IDS {
                return Err(FindError::TooMany);
            }
        }
        Err(FindError::TooMany)
    }

    /// By what the person's data is told where no position says whose it is.
    ///
    /// # Errors
    /// When it is too much to be looked for.
    pub fn traces(&self) -> Result<Traces, FindError> {
        use sha2::{Digest, Sha256};
        let texts = || self.ids.iter().chain(self.addresses.iter().map(String::as_str));
        // As vendors want addresses, and as tags send both.
        let lowered: Vec<String> = self.addresses.iter().map(|address| address.trim().to_lowercase()).collect();
        let plain = || texts().chain(lowered.iter().map(String::as_str));
        let hashed: Vec<String> = plain().map(|text| hex::encode(Sha256::digest(text))).collect();
        Traces::new(plain().chain(hashed.iter().map(String::as_str)))
            .map_err(|error| FindError::Search(error.to_string()))
    }

    /// Whether the journal could have told whose an event was, and no longer does: it let go of it, or cannot read it.
    pub(super) fn is_unknown(&self, event: u64) -> bool {
        event <= self.last && !self.readable.contains(event)
    }

    pub(super) fn is_in(&self, event: &Value) -> bool {
        self.ids.are_in(&About::of_letter(event))
    }
}

impl Pass {
    async fn over(history: &History, ids: &Ids, candidates: &BTreeSet<String>) -> Result<Self, HistoryError> {
        let mut pass = Pass::default();
        let mut walk = Walk::new(history, Part::Journal, Span::default()).await?;
        while let Some(entry) = walk.next().await? {
            pass.person.readable.add(entry.position, entry.position);
            pass.person.last = entry.position;
            let about = About::of_record(&entry.payload);
            if pass.look_at(&about, ids, candidates) {
                pass.person.events.add(entry.position, entry.position);
                pass.person.journal.add(&entry);
                pass.person.of_others += u64::from(ids.name_another(&about));
                if let Ok(record) = serde_json::from_slice::<Value>(&entry.payload) {
                    pass.person.note_addresses(&record["event"]);
                }
            }
        }
        let mut walk = Walk::new(history, Part::DeadLetters, Span::default()).await?;
        while let Some(entry) = walk.next().await? {
            let Ok(Letter { position, event }) = serde_json::from_slice(&entry.payload) else { continue };
            if pass.look_at(&About::of_letter(&event), ids, candidates) {
                position.into_iter().for_each(|position| pass.person.events.add(position, position));
                pass.person.note_addresses(&event);
            }
        }
        Ok(pass)
    }

    /// Whether the event is the person's.
    fn look_at(&mut self, about: &About, ids: &Ids, candidates: &BTreeSet<String>) -> bool {
        let About { user, anonymous, previous } = about;
        if ids.name_another(about) {
            self.shared
                .extend([anonymous, previous].into_iter().flatten().filter(|id| candidates.contains(*id)).cloned());
        }
        if !ids.are_in(about) {
            return false;
        }
        let Some(user) = user else { return true };
        for id in [anonymous, previous].into_iter().flatten() {
            if ids.anonymous_ids.contains(id) {
                let users = self.users.entry(id.clone()).or_default();
                if users.len() < 2 {
                    users.insert(user.clone());
                }
            } else if ids.user_ids.contains(user) {
                self.beside.insert(id.clone());
            }
        }
        true
    }
}

impl Person {
    fn note_addresses(&mut self, event: &Value) {
        for place in ["/traits/email", "/context/traits/email", "/properties/email"] {
            if let Some(Value::String(address)) = event.pointer(place)
                && address.contains('@')
                && self.addresses.len() < MAX_ADDRESSES
            {
                self.addresses.insert(address.clone());
            }
        }
    }
}
