//! Reading a vendor's answer, as far as it is kept. It is not trusted.

use std::time::SystemTime;

use http::Response;
use http::header::RETRY_AFTER;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tagyard_pipeline::retry::{ANSWER_BYTES, Answer};
use tokio::time::Instant;

/// Reads what is kept of an answer, until `deadline`. A body that breaks off, or does not end, counts as read: the status has
/// said what matters, and to send again what was accepted would make it arrive twice.
pub(super) async fn read(response: Response<Incoming>, deadline: Instant, mask: impl Fn(String) -> String) -> Answer {
    let (parts, body) = response.into_parts();
    let retry_after = parts.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let body = beginning(body, deadline).await;
    Answer::new(parts.status.as_u16(), retry_after, &body, SystemTime::now(), mask)
}

/// A body up to [`ANSWER_BYTES`], or what had come of it when it broke off.
async fn beginning(mut body: Incoming, deadline: Instant) -> Vec<u8> {
    let mut read = Vec::new();
    while read.len() < ANSWER_BYTES
        && let Ok(Some(Ok(frame))) = tokio::time::timeout_at(deadline, body.frame()).await
    {
        if let Ok(data) = frame.into_data() {
            read.extend_from_slice(&data[..data.len().min(ANSWER_BYTES - read.len())]);
        }
    }
    read
}
