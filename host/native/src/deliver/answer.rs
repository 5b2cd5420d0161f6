//! A vendor's answer, as far as it is kept. It is not trusted.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::Response;
use http::header::RETRY_AFTER;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::limits::{ANSWER_BYTES, KEPT_ANSWER_BYTES, RETRY_AFTER_LONGEST};

#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// The beginning of its body.
    pub body: String,
    /// How long the vendor asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Answer {
    /// Reads what is kept of an answer, until `deadline`. A body that breaks off, or does not end, counts as read: the status has
    /// said what matters, and to send again what was accepted would make it arrive twice.
    pub(super) async fn read(response: Response<Incoming>, deadline: Instant, mask: impl Fn(String) -> String) -> Self {
        let status = response.status().as_u16();
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|value| parse_retry_after(value, SystemTime::now()));
        let body = beginning(response.into_body(), deadline).await;
        // Masked before it is cut, so that no part of a secret is left at the end.
        let mut body = mask(String::from_utf8_lossy(&body).into_owned());
        body.truncate(body.floor_char_boundary(KEPT_ANSWER_BYTES));
        Answer { status, body, retry_after }
    }
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

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = http::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        write!(f, "the vendor answered {} {}", self.status, reason.unwrap_or_default())?;
        match self.status {
            300..400 => f.write_str("; redirects are not followed"),
            _ => Ok(()),
        }
    }
}

/// Seconds or a date (RFC 9110, section 10.2.3).
fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let pause = match value.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value.trim()).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(pause.min(RETRY_AFTER_LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let check = |value: &str, expected: Option<u64>| {
            assert_eq!(parse_retry_after(value, now), expected.map(Duration::from_secs), "{value}");
        };
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("99999999", Some(3_600));
        check("-1", None);
        check("soon", None);
    }
}
