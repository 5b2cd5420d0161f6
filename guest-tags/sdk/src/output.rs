//! Building what a tag returns.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Display;

use serde::Serialize;

use crate::{Auth, Event, Failure, Header, Level, LogLine, Method, Note, Output, Request};

impl Output {
    /// Adds a request.
    pub fn send(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// There is nothing to send for this event.
    pub fn skip(&mut self, event: &Event<'_>, reason: impl Into<String>) {
        self.skipped.push(Note { event: event.index, reason: reason.into() });
    }

    /// The vendor would not take this event: it becomes a dead letter.
    pub fn reject(&mut self, event: &Event<'_>, reason: impl Into<String>) {
        self.rejected.push(Note { event: event.index, reason: reason.into() });
    }

    /// A line for the operator. Never put an event's values into it.
    pub fn log(&mut self, level: Level, message: impl Display) {
        self.log.push(LogLine { level, message: alloc::format!("{message}") });
    }
}

#[expect(clippy::derivable_impls, reason = "the type is generated from the WIT file")]
impl Default for Output {
    fn default() -> Self {
        Output { requests: Vec::new(), skipped: Vec::new(), rejected: Vec::new(), log: Vec::new() }
    }
}

impl Request {
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Request { method, url: url.into(), headers: Vec::new(), body: Vec::new(), auth: None, events: Vec::new() }
    }

    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::Post, url)
    }

    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(Header { name: name.into(), value: value.into() });
        self
    }

    /// A JSON body, with its content type.
    ///
    /// # Errors
    /// When the value does not serialise.
    pub fn json<T: Serialize + ?Sized>(self, body: &T) -> Result<Self, Failure> {
        let mut request = self.header("content-type", "application/json");
        request.body = to_json(body)?;
        Ok(request)
    }

    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Says that this request carries `event`.
    pub fn carrying(mut self, event: &Event<'_>) -> Self {
        self.events.push(event.index);
        self
    }
}

/// JSON text of a value.
///
/// # Errors
/// When the value does not serialise.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|error| Failure::Internal(alloc::format!("{error}")))
}
