//! A dead letter: what will not be tried again by itself, and why. Each host keeps them in its own way.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::outcome::Cause;
use crate::permit::Permitted;
use crate::request::Request;
use crate::retry::{Answer, KEPT_ANSWER_BYTES};
use crate::sources::BadEvent;

/// One dead letter, as it is kept.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DeadLetter {
    pub at: Timestamp,
    /// Absent for an event that the source could not take.
    pub tag: Option<String>,
    /// The event's position in the journal; absent for an event that never got there, and on a host without a journal.
    pub position: Option<u64>,
    pub cause: Cause,
    /// What was wrong, for a person.
    pub reason: String,
    /// The event as the container accepted it, or as it came.
    pub event: Value,
    /// What is kept of the request that brought the event: should it be run again, consent is read from it anew.
    #[serde(default, skip_serializing_if = "Request::is_empty")]
    pub brought_by: Request,
    /// The request that was refused, with its secrets as placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<ShownRequest>,
    /// What the vendor answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<ShownAnswer>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
}

/// A request as a person may see it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ShownRequest {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    /// The beginning of its body.
    pub body: String,
}

/// A vendor's answer.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct ShownAnswer {
    pub status: u16,
    /// The beginning of its body.
    pub body: String,
}

impl DeadLetter {
    /// The letter of an event that its source could not take.
    pub fn of_bad(bad: BadEvent, at: Timestamp) -> Self {
        DeadLetter {
            at,
            tag: None,
            position: None,
            cause: Cause::Invalid,
            reason: format!("event {} of the request: {}", bad.position, bad.reason),
            event: bad.event,
            brought_by: Request::default(),
            request: None,
            answer: None,
            attempts: 0,
        }
    }
}

impl ShownRequest {
    pub fn new(request: &Permitted) -> Self {
        ShownRequest {
            method: request.method().to_string(),
            url: request.url().to_string(),
            headers: request.shown_headers(),
            body: String::from_utf8_lossy(&request.body()[..request.body().len().min(KEPT_ANSWER_BYTES)]).into_owned(),
        }
    }
}

impl From<Answer> for ShownAnswer {
    fn from(answer: Answer) -> Self {
        ShownAnswer { status: answer.status, body: answer.body }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}
