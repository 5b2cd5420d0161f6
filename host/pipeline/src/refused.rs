//! A request of which nothing was accepted, and how its sender is told.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use crate::sources::{self, MAX_BODY_BYTES, Refusal};

/// How long a client is asked to wait for something that takes the host moments.
pub const MOMENT: Duration = Duration::from_secs(1);

/// How long a client is asked to wait for a store that cannot be written; a person has to make room.
pub const DISK: Duration = Duration::from_secs(10);

/// A request of which nothing was accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    pub status: StatusCode,
    /// Stable and short; also a metric's label.
    pub code: &'static str,
    pub message: String,
    pub retry_after: Option<Duration>,
}

impl Refused {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Refused { status, code, message: message.into(), retry_after: None }
    }

    pub fn unclaimed(method: &Method, path: &str) -> Self {
        let path: String = path.chars().take(128).collect();
        let offers = sources::offers();
        let message = format!("no source takes {method} {path}; events are sent to: {offers}");
        Refused::new(StatusCode::NOT_FOUND, "unclaimed", message)
    }

    pub fn too_long() -> Self {
        let message = format!("the body is longer than {MAX_BODY_BYTES} bytes; send the events in smaller batches");
        Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    pub fn broken_body() -> Self {
        Refused::new(StatusCode::BAD_REQUEST, "broken_body", "the body broke off")
    }

    /// For a request whose container cannot be put to work at the moment.
    pub fn out_of_work(wait: Duration) -> Self {
        let message = "the container that the request is for is not at work; send the events again later";
        let refused = Refused::new(StatusCode::SERVICE_UNAVAILABLE, "container_unavailable", message);
        Refused { retry_after: Some(wait), ..refused }
    }

    pub fn overloaded() -> Self {
        let message = "as many requests as the host takes are in work; try again in a moment";
        Refused { retry_after: Some(MOMENT), ..Refused::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message) }
    }

    /// As many events wait as are kept. Losing one that was acknowledged would be worse than not taking one.
    pub fn full() -> Self {
        let message = "as many events as the host keeps are waiting; send them again later";
        Refused { retry_after: Some(DISK), ..Refused::new(StatusCode::SERVICE_UNAVAILABLE, "journal_full", message) }
    }

    /// What is wrong is the operator's to read in the log, not the client's.
    pub fn not_durable() -> Self {
        let message = "the events cannot be written down at the moment; send them again later";
        Refused { retry_after: Some(DISK), ..Refused::new(StatusCode::SERVICE_UNAVAILABLE, "not_durable", message) }
    }

    pub fn rate(wait: Duration) -> Self {
        let message = "more events a second than the container takes (`collect.events_per_second`)";
        Refused { retry_after: Some(wait), ..Refused::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message) }
    }

    /// More events in one request than a second's worth: however long the sender waits, there is never room for them.
    pub fn never(most: u32) -> Self {
        let message =
            format!("the container takes {most} events a second (`collect.events_per_second`): send smaller batches");
        Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_events", message)
    }

    /// What its sender is told, as JSON.
    pub fn json(&self) -> String {
        json!({"code": self.code, "message": self.message}).to_string()
    }

    /// The seconds of its `Retry-After`.
    pub fn retry_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused::new(refusal.status, refusal.code, refusal.message)
    }
}
