//! The ids by which a person is known, and those of an event.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tagyard_pipeline::identity::links::Who as Linked;

/// Ids of persons.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Ids {
    pub user_ids: BTreeSet<String>,
    pub anonymous_ids: BTreeSet<String>,
}

/// Whom a command is about.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Who {
    #[serde(flatten)]
    pub ids: Ids,
    /// Whether no other id is added, though the events say that it is the same person's.
    pub only_these: bool,
}

/// An event's ids.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct About {
    #[serde(rename = "userId")]
    pub(super) user: Option<String>,
    #[serde(rename = "anonymousId")]
    pub(super) anonymous: Option<String>,
    /// The id that an alias event gives up.
    #[serde(rename = "previousId")]
    pub(super) previous: Option<String>,
}

/// A record of the journal, of which no more is read.
#[derive(Deserialize)]
struct Record {
    event: About,
}

impl Ids {
    pub fn count(&self) -> usize {
        self.user_ids.len() + self.anonymous_ids.len()
    }

    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// All of them, whichever kind they are of.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.user_ids.iter().chain(&self.anonymous_ids).map(String::as_str)
    }

    /// As identity links name them.
    pub(crate) fn linked(&self) -> Vec<Linked> {
        let users = self.user_ids.iter().cloned().map(Linked::User);
        users.chain(self.anonymous_ids.iter().cloned().map(Linked::Anonymous)).collect()
    }

    /// Whether an event is about the person.
    pub(super) fn are_in(&self, about: &About) -> bool {
        let About { user, anonymous, previous } = about;
        user.as_ref().is_some_and(|id| self.user_ids.contains(id))
            || anonymous.as_ref().is_some_and(|id| self.anonymous_ids.contains(id))
            || previous.as_ref().is_some_and(|id| self.user_ids.contains(id) || self.anonymous_ids.contains(id))
    }

    /// Whether the event names a user who is another one.
    pub(super) fn name_another(&self, about: &About) -> bool {
        about.user.as_ref().is_some_and(|id| !self.user_ids.contains(id))
    }
}

impl About {
    /// Of a record of the journal. One that cannot be read names nobody.
    pub(super) fn of_record(payload: &[u8]) -> Self {
        serde_json::from_slice(payload).map(|record: Record| record.event).unwrap_or_default().without_empty()
    }

    /// Of the event of a dead letter, which may be as it came: there, ids may be numbers.
    pub(super) fn of_letter(event: &Value) -> Self {
        let id = |name: &str| match &event[name] {
            Value::String(id) => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        };
        About { user: id("userId"), anonymous: id("anonymousId"), previous: id("previousId") }.without_empty()
    }

    fn without_empty(mut self) -> Self {
        for id in [&mut self.user, &mut self.anonymous, &mut self.previous] {
            id.take_if(|id| id.is_empty());
        }
        self
    }
}
