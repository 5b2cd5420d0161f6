//! Sources: what recognises an incoming HTTP request and parses it into events.
//!
//! A new source is one file (or folder) here and one line in [`ALL`].

pub mod segment;

pub use segment::limits::MAX_BODY_BYTES;

use std::net::IpAddr;

use http::{HeaderMap, Method};
use jiff::Timestamp;
use serde_json::Value;

use crate::container::model::Collect;
use crate::event::Event;

/// All sources by priority: the first that claims a request parses it.
pub const ALL: [&dyn Source; 1] = [&segment::Segment];

/// The source that parses a request like this.
pub fn find(method: &Method, path: &str) -> Option<&'static dyn Source> {
    ALL.into_iter().find(|source| source.claims(method, path))
}

/// A request as it came in, its body already bounded by the host.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'r> {
    pub method: &'r Method,
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

    /// Whether the request is in this dialect, by method and path alone.
    fn claims(&self, method: &Method, path: &str) -> bool;

    /// Parses the request.
    ///
    /// # Errors
    /// A [`Refusal`] when nothing of the request can be taken; a single bad event is a [`BadEvent`] instead.
    fn parse(&self, request: &Incoming<'_>, collect: &Collect) -> Result<Parsed, Refusal>;
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

/// A successful answer's body.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// `{"success":true}`.
    Success,
    Json(Value),
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
}
