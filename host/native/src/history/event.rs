//! An event of the journal, as the commands show it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::event::Event;
use tagyard_pipeline::request::Request;

/// An event as it was accepted.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PastEvent {
    /// Its position in the journal.
    pub position: u64,
    pub received_at: Timestamp,
    pub source: String,
    /// What is kept of the request that brought it.
    #[serde(default, skip_serializing_if = "Request::is_empty")]
    pub request: Request,
    pub event: Event,
    /// The one tag that it is for, where it was put back into the journal for that tag's dead letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
}

/// A record of the journal that holds no event that this release reads.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Unreadable {
    pub position: u64,
    pub unreadable: String,
}

impl PastEvent {
    /// Reads a record of the journal.
    ///
    /// # Errors
    /// When it is damaged, or a later release wrote it.
    pub fn read(position: u64, payload: &[u8]) -> Result<Self, Unreadable> {
        match Accepted::from_bytes(payload) {
            Ok(Accepted { received_at, source, request, event, only, .. }) => {
                Ok(PastEvent { position, received_at, source: source.into_owned(), request, event, only })
            }
            Err(error) => Err(Unreadable { position, unreadable: error.to_string() }),
        }
    }

    /// Whether it is for another tag than this one alone.
    pub fn is_kept_from(&self, tag: &str) -> bool {
        self.only.as_deref().is_some_and(|only| only != tag)
    }

    /// The same as the pipeline has it.
    pub fn accepted(&self) -> Accepted {
        Accepted::new(self.received_at, self.source.clone(), self.request.clone(), self.event.clone())
    }

    /// What it is in few words: its type, its name, whom it is about.
    pub fn title(&self) -> String {
        let event = &self.event;
        let name = event.name().map_or(String::new(), |name| format!(" \"{name}\""));
        format!("{}{name}", event.kind().name())
    }
}
