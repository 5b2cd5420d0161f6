//! What a vendor's answer means, what is worth trying again, and when.

use std::fmt;
use std::time::{Duration, SystemTime};

/// How much of a vendor's answer is read. What is longer is not drained: the connection is closed instead.
pub const ANSWER_BYTES: usize = 64 * 1024;

/// How much of a vendor's answer is kept in a dead letter, for a person to read.
pub const KEPT_ANSWER_BYTES: usize = 4 * 1024;

/// The first and the longest pause between two attempts of a delivery; full jitter lies over both.
pub const RETRY_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(600));

/// The longest pause that a vendor's `Retry-After` is obeyed for; a hostile answer must not park an event for years.
pub const RETRY_AFTER_LONGEST: Duration = Duration::from_secs(3_600);

/// A vendor's answer, as far as it is kept. It is not trusted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// The beginning of its body.
    pub body: String,
    /// How long the vendor asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// What an answer means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    Accepted,
    /// `after`: how long the vendor asked to wait.
    Again {
        after: Option<Duration>,
    },
    /// `content`: whether what the request carries may be to blame.
    Refused {
        content: bool,
    },
}

impl Answer {
    /// `header` is its `Retry-After`. `mask` takes out of the body the secrets that the vendor was sent, before the body is cut, so that no
    /// part of one is left at the end.
    pub fn new(
        status: u16,
        header: Option<&str>,
        body: &[u8],
        now: SystemTime,
        mask: impl Fn(String) -> String,
    ) -> Self {
        let mut body = mask(String::from_utf8_lossy(body).into_owned());
        body.truncate(body.floor_char_boundary(KEPT_ANSWER_BYTES));
        Answer { status, body, retry_after: header.and_then(|value| parse_retry_after(value, now)) }
    }

    /// Judges it by its status: 408, 425, 429 and 5xx pass by themselves, every other refusal stays one.
    pub fn judge(&self) -> Verdict {
        match self.status {
            200..300 => Verdict::Accepted,
            408 | 425 | 429 | 500..600 => Verdict::Again { after: self.retry_after },
            400 | 409 | 413 | 422 => Verdict::Refused { content: true },
            _ => Verdict::Refused { content: false },
        }
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

/// How long to wait before the next attempt of what was accepted at `since` and has had so many; `None` when there is none. `jitter`
/// is a random number from 0 to 1: vendors that come back are not met by everything at once.
pub fn pause(
    since: SystemTime,
    max_age: Duration,
    attempts: u32,
    after: Option<Duration>,
    now: SystemTime,
    jitter: f64,
) -> Option<Duration> {
    let doubled = 2u32.checked_pow(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    let longest = RETRY_PAUSE.0.saturating_mul(doubled).min(RETRY_PAUSE.1);
    let pause = longest.mul_f64(jitter.clamp(0.0, 1.0)).max(after.unwrap_or_default());
    // An attempt after the age limit would be one too many.
    let end = since.checked_add(max_age).filter(|end| *end > now)?;
    (now.checked_add(pause)? <= end).then_some(pause)
}

/// The reason of what is not tried again because it is too old.
pub fn given_up(reason: &str, max_age: Duration) -> String {
    format!("{reason}; given up after {} h", max_age.as_secs() / 3_600)
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
    fn statuses_are_judged() {
        let check = |status: u16, expected: Verdict| {
            assert_eq!(Answer { status, body: String::new(), retry_after: None }.judge(), expected, "{status}");
        };
        for status in [200, 201, 202, 204] {
            check(status, Verdict::Accepted);
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 529] {
            check(status, Verdict::Again { after: None });
        }
        for status in [301, 307, 401, 403, 404, 410] {
            check(status, Verdict::Refused { content: false });
        }
        check(400, Verdict::Refused { content: true });
        check(413, Verdict::Refused { content: true });
    }

    #[test]
    fn pauses_grow_and_end() {
        let hour = Duration::from_secs(3_600);
        let now = SystemTime::UNIX_EPOCH + 1_000 * hour;
        let check =
            |age: Duration, max: Duration, attempts: u32, after: Option<u64>, jitter: f64, expected: Option<u64>| {
                let pause = pause(now - age, max, attempts, after.map(Duration::from_secs), now, jitter);
                assert_eq!(pause, expected.map(Duration::from_secs), "{attempts} attempts, {after:?}, {jitter}");
            };
        check(Duration::ZERO, 72 * hour, 1, None, 1.0, Some(1));
        check(Duration::ZERO, 72 * hour, 4, None, 1.0, Some(8));
        check(Duration::ZERO, 72 * hour, 4, None, 0.5, Some(4));
        check(Duration::ZERO, 72 * hour, 4, None, 0.0, Some(0));
        check(Duration::ZERO, 72 * hour, 40, None, 1.0, Some(RETRY_PAUSE.1.as_secs()));
        check(Duration::ZERO, hour, 1, Some(30), 1.0, Some(30));
        check(2 * hour, hour, 1, None, 0.0, None);
        check(hour, hour, 1, None, 0.0, None);
        check(Duration::ZERO, Duration::from_secs(10), 1, Some(30), 1.0, None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let check = |value: &str, expected: Option<u64>| {
            let answer = Answer::new(503, Some(value), b"", now, |body| body);
            assert_eq!(answer.retry_after, expected.map(Duration::from_secs), "{value}");
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
