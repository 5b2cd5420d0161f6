//! A vendor's answer, as far as it is kept. It is not trusted.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::Response;
use http::header::RETRY_AFTER;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

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
    /// Reads what is kept of an answer. A body that breaks off counts as read: the status has said what matters.
    pub(super) async fn read(response: Response<Incoming>) -> Self {
        let status = response.status().as_u16();
        let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|value| parse_retry_after(value, SystemTime::now()));
        #[expect(clippy::disallowed_methods, reason = "`Limited`")]
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let kept = &body[..body.len().min(KEPT_ANSWER_BYTES)];
        Answer { status, body: String::from_utf8_lossy(kept).into_owned(), retry_after }
    }
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
