//! What is worth trying again, and when.

use std::time::{Duration, SystemTime};

use retry_policies::policies::ExponentialBackoff;
use retry_policies::{Jitter, RetryDecision, RetryPolicy};

use super::Answer;
use crate::limits::RETRY_PAUSE;

/// What an answer means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
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

/// Judges an answer by its status: 408, 425, 429 and 5xx pass by themselves, every other refusal stays one.
pub(super) fn judge(answer: &Answer) -> Verdict {
    match answer.status {
        200..300 => Verdict::Accepted,
        408 | 425 | 429 | 500..600 => Verdict::Again { after: answer.retry_after },
        400 | 409 | 413 | 422 => Verdict::Refused { content: true },
        _ => Verdict::Refused { content: false },
    }
}

/// How long to wait before the next attempt; `None` when there is none.
pub(super) fn pause(since: SystemTime, max_age: Duration, attempts: u32, after: Option<Duration>) -> Option<Duration> {
    let policy = ExponentialBackoff::builder()
        .retry_bounds(RETRY_PAUSE.0, RETRY_PAUSE.1)
        .jitter(Jitter::Full)
        .base(2)
        .build_with_total_retry_duration(max_age);
    let now = SystemTime::now();
    let RetryDecision::Retry { execute_after } = policy.should_retry(since, attempts - 1) else { return None };
    let pause = execute_after.duration_since(now).unwrap_or_default().max(after.unwrap_or_default());
    // An attempt after the age limit would be one too many.
    let end = since.checked_add(max_age)?;
    (now.checked_add(pause)? <= end).then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_judged() {
        let check = |status: u16, expected: Verdict| {
            assert_eq!(judge(&Answer { status, body: String::new(), retry_after: None }), expected, "{status}");
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
        let now = SystemTime::now();
        for attempts in 1..40 {
            assert!(pause(now, 72 * hour, attempts, None).is_some_and(|pause| pause <= RETRY_PAUSE.1));
        }
        let asked = Duration::from_secs(30);
        assert!(pause(now, hour, 1, Some(asked)).is_some_and(|pause| pause >= asked));
        assert_eq!(pause(now - 2 * hour, hour, 1, None), None);
        assert_eq!(pause(now, Duration::from_secs(10), 1, Some(asked)), None);
    }
}
