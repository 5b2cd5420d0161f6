//! What a client is answered.

use std::borrow::Cow;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use tagyard_pipeline::refused::{MOMENT, Refused};
use tagyard_pipeline::sources::Answer;

use crate::journal::AppendError;
use crate::labels::Labels;

/// Asks for client hints; the `http` crate does not have it.
const ACCEPT_CH: HeaderName = HeaderName::from_static("accept-ch");

/// Nothing is counted of those that a container of several has not been found for but the reason.
pub(crate) fn count(refused: &Refused, labels: &Labels) {
    metrics::counter!("tagyard_refused_requests_total", labels.with([("code", refused.code.to_owned())])).increment(1);
}

/// The answer to a request whose events are durable. `accept_ch` is what it asks browsers to say of themselves.
pub(crate) fn success(answer: &Answer, accept_ch: Option<&'static str>) -> Response {
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
    if answer.is_not_kept() {
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// What is wrong with the disk is the operator's to read in the log, not the client's.
pub(crate) fn not_appended(error: AppendError) -> Refused {
    match error {
        AppendError::Busy => Refused::overloaded(),
        AppendError::TooLarge { .. } => {
            Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "an event is larger than the journal takes")
        }
        // The journal and its retention have said why, and once rather than for every request.
        AppendError::Full { .. } => Refused::full(),
        AppendError::Storage(_) => Refused::not_durable(),
        AppendError::Closed => {
            let message = "the host is stopping; send the events again";
            Refused { retry_after: Some(MOMENT), ..Refused::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message) }
        }
    }
}

pub(crate) fn refusal(refused: &Refused) -> Response {
    let body = ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], refused.json());
    let mut response = (refused.status, body).into_response();
    if let Some(seconds) = refused.retry_seconds() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
