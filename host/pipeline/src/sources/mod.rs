//! Sources: what recognises an incoming HTTP request and parses it into events.
//!
//! A new source is one file (or folder) here and one line in [`ALL`]. All of them make the same events: a field that says
//! the same thing has the same name wherever it came from, so that a tag need not know which source that was.

mod answer;
mod base64;
mod body;
mod cloudevents;
mod ga4;
mod gather;
mod id;
mod item;
mod jitsu;
mod key;
mod limits;
mod page;
mod query;
mod rudderstack;
mod rules;
mod segment;
mod snowplow;
mod surrogate;
#[cfg(test)]
mod tests;
mod time;
pub mod webhook;

pub use answer::{Answer, Content};
pub use limits::MAX_BODY_BYTES;
pub use rules::{Rules, RulesError};

use std::net::IpAddr;

use http::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::Value;

use crate::event::Event;

/// All sources by priority: the first that claims a request parses it. RudderStack's SDKs use Segment's paths too, and are
/// told by a header of theirs; a container's own webhooks come last, as no path of theirs may hide another source.
pub const ALL: [&dyn Source; 7] = [
    &rudderstack::RudderStack,
    &segment::Segment,
    &ga4::Ga4,
    &snowplow::Snowplow,
    &jitsu::Jitsu,
    &cloudevents::CloudEvents,
    &webhook::Webhooks,
];

/// The source that parses a request that begins like this.
pub fn find(head: &Head<'_>, rules: &Rules) -> Option<&'static dyn Source> {
    ALL.into_iter().find(|source| source.claims(head, rules))
}

/// What can be sent, for a sender whose request no source claims.
pub fn offers() -> String {
    ALL.map(Source::takes).join("; ")
}

/// The beginning of a request, by which a source claims it before its body is read.
#[derive(Clone, Copy, Debug)]
pub struct Head<'r> {
    pub method: &'r Method,
    /// Without the container's prefix: see [`Rules::path`].
    pub path: &'r str,
    pub headers: &'r HeaderMap,
}

/// A request as it came in, its body already bounded by the host.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'r> {
    pub method: &'r Method,
    /// Without the container's prefix: see [`Rules::path`].
    pub path: &'r str,
    pub query: Option<&'r str>,
    pub headers: &'r HeaderMap,
    pub body: &'r [u8],
    /// The visitor's address: that of the connection, or what a proxy trusted by the host says it is.
    pub peer: Option<IpAddr>,
    pub received_at: Timestamp,
}

/// A dialect of collecting events over HTTP.
pub trait Source: Sync {
    /// Its name in the journal, in metrics and in the inspector.
    fn name(&self) -> &'static str;

    /// What it takes, for a person whose request nobody claimed: methods and paths, and whose dialect that is.
    fn takes(&self) -> &'static str;

    /// Whether the request is in this dialect.
    fn claims(&self, head: &Head<'_>, rules: &Rules) -> bool;

    /// The write keys that a request shows, in the order in which they count: by them a host with several containers tells whose
    /// request it is. Asked with an empty body first, and again with the body where no key before it was any container's. Only looks:
    /// nothing is refused here, and no event is made.
    fn keys(&self, request: &Incoming<'_>) -> Vec<String>;

    /// Parses the request.
    ///
    /// # Errors
    /// A [`Refusal`] when nothing of the request can be taken; a single bad event is a [`BadEvent`] instead.
    fn parse(&self, request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal>;
}

/// What a source made of a request.
#[derive(Debug)]
pub struct Parsed {
    pub events: Vec<Event>,
    pub bad: Vec<BadEvent>,
    /// What to answer once `events` and `bad` are durable.
    pub answer: Answer,
}

/// An event that could not be taken: it becomes a dead letter, its neighbours are accepted.
#[derive(Debug)]
pub struct BadEvent {
    /// Its position in the request.
    pub position: usize,
    /// What is wrong and where; without the event's values.
    pub reason: String,
    /// As it came, for the dead letter: as a string where it is no JSON that can be read, and only by what it is known
    /// where it is too long to be kept.
    pub event: Value,
}

/// Why a whole request was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub status: http::StatusCode,
    /// Stable and short, such as `invalid_json`.
    pub code: &'static str,
    /// What is wrong, where, and how to mend it; without the request's values.
    pub message: String,
}

impl Refusal {
    pub fn new(status: http::StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Refusal { status, code, message: message.into() }
    }

    fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Refusal::new(http::StatusCode::BAD_REQUEST, code, message)
    }

    fn too_large(code: &'static str, message: impl Into<String>) -> Self {
        Refusal::new(http::StatusCode::PAYLOAD_TOO_LARGE, code, message)
    }

    /// For a request that its source claims and then finds nothing at; a source's claim and its parser agree.
    fn unknown_path() -> Self {
        Refusal::new(http::StatusCode::NOT_FOUND, "unknown_path", "there is nothing at this path")
    }
}
