//! What a client is answered.

use std::borrow::Cow;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use tagyard_pipeline::sources::{self, Answer, Refusal};

use crate::journal::AppendError;

/// Asks for client hints; the `http` crate does not have it.
const ACCEPT_CH: HeaderName = HeaderName::from_static("accept-ch");

/// A request of which nothing was accepted.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    /// Stable and short; also a metric's label.
    pub(super) code: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

/// How long a client is asked to wait for something that takes the host moments.
const MOMENT: Duration = Duration::from_secs(1);

/// How long a client is asked to wait for a disk that cannot be written; a person has to make room.
const DISK: Duration = Duration::from_secs(10);

impl Refused {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Refused { status, code, message: message.into(), retry_after: None }
    }

    pub(super) fn unclaimed(parts: &Parts) -> Self {
        let path: String = parts.uri.path().chars().take(128).collect();
        let offers = sources::offers();
        let message = format!("no source takes {} {path}; events are sent to: {offers}", parts.method);
        Refused::new(StatusCode::NOT_FOUND, "unclaimed", message)
    }

    pub(super) fn overloaded() -> Self {
        let message = "as many requests as the host takes are in work; try again in a moment";
        Refused { retry_after: Some(MOMENT), ..Refused::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", message) }
    }

    pub(super) fn rate(wait: Duration) -> Self {
        let message = "more events a second than the container takes (`collect.events_per_second`)";
        Refused { retry_after: Some(wait), ..Refused::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message) }
    }

    /// More events in one request than a second's worth: however long the sender waits, there is never room for them.
    pub(super) fn never(most: u32) -> Self {
        let message =
            format!("the container takes {most} events a second (`collect.events_per_second`): send smaller batches");
        Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "too_many_events", message)
    }
}

/// The answer to a request whose events are durable. `accept_ch` is what it asks browsers to say of themselves.
pub(super) fn success(answer: &Answer, accept_ch: Option<&'static str>) -> Response {
    let content = answer.content();
    let mut response = Response::new(Body::from(match content.body {
        Cow::Borrowed(body) => Bytes::from_static(body),
        Cow::Owned(body) => Bytes::from(body),
    }));
    *response.status_mut() = content.status;
    if let Some(content_type) = content.content_type {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Some(hints) = accept_ch {
        response.headers_mut().insert(ACCEPT_CH, HeaderValue::from_static(hints));
    }
    if matches!(answer, Answer::Pixel | Answer::Empty | Answer::Text(_)) {
        // These answer what a browser asks for with GET, too: the next event has to be asked for again.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused::new(refusal.status, refusal.code, refusal.message)
    }
}

impl From<AppendError> for Refused {
    /// What is wrong with the disk is the operator's to read in the log, not the client's.
    fn from(error: AppendError) -> Self {
        let unavailable = |code, message: &str, wait| Refused {
            retry_after: Some(wait),
            ..Refused::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
        };
        match error {
            AppendError::Busy => Refused::overloaded(),
            AppendError::TooLarge { .. } => {
                Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "an event is larger than the journal takes")
            }
            // The journal and its retention have said why, and once rather than for every request.
            AppendError::Full { .. } => {
                unavailable("journal_full", "as many events as the host keeps are waiting; send them again later", DISK)
            }
            AppendError::Storage(_) => unavailable(
                "not_durable",
                "the events cannot be written down at the moment; send them again later",
                DISK,
            ),
            AppendError::Closed => unavailable("stopping", "the host is stopping; send the events again", MOMENT),
        }
    }
}

impl From<Refused> for Response {
    fn from(refused: Refused) -> Self {
        let body = Json(json!({"code": refused.code, "message": refused.message}));
        let mut response = (refused.status, body).into_response();
        if let Some(wait) = refused.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}
