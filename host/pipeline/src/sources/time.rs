//! When an event happened, by a clock that is right.
//!
//! A device's clock may be hours off. Its SDK says by that same clock when the event happened (`originalTimestamp`) and
//! when it was sent (`sentAt`); what lies between the two is right whatever the clock says, so that
//! `timestamp = receivedAt - (sentAt - originalTimestamp)`, as in Segment's spec.

use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::object::Object;

/// How far ahead of its receipt an event may be: a backend that takes local time for UTC is up to 14 hours off.
const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// The second of January 1970. What is older is a clock that was never set or a language's zero, in whatever time zone.
const EARLIEST: Timestamp = Timestamp::constant(24 * 60 * 60, 0);

/// Numbers from here on are milliseconds, below they are seconds (up to the year 5138).
const MILLISECONDS_FROM: f64 = 1e11;

/// As Segment writes it: `2026-11-21T10:00:00.000Z`.
const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// Sets `timestamp`, `originalTimestamp`, `sentAt` and `receivedAt`.
///
/// A time that cannot be read or cannot be true is never an error: the event counts as of its receipt. Without `sentAt`
/// the time that was given stays, so that history can be imported. So it does where `timestamp` differs from an
/// `originalTimestamp` beside it: somebody has corrected it already.
pub(super) fn set(object: &mut Object, batch_sent_at: Option<Timestamp>, received_at: Timestamp) {
    let of = |field| read_json(object.json(field)?);
    let (given, before) = (of("timestamp"), of("originalTimestamp"));
    let sent_at = of("sentAt").or(batch_sent_at);

    let original = before.or(given);
    let corrected = match (given, before) {
        (Some(given), Some(before)) if given != before => None,
        _ => corrected(original, sent_at, received_at),
    };
    let happened = [corrected, given, before]
        .into_iter()
        .flatten()
        .find(|time| credible(*time, received_at))
        .unwrap_or(received_at);

    let received = PRINTER.timestamp_to_string(&received_at);
    if happened == received_at {
        object.set_string("timestamp", &received);
    } else {
        put(object, "timestamp", Some(happened));
    }
    put(object, "originalTimestamp", original);
    put(object, "sentAt", sent_at);
    object.set_string("receivedAt", &received);
}

/// Reads a time: ISO 8601 with or without a zone (then UTC), or a number since 1970 in seconds or milliseconds.
pub(super) fn read(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => since_1970(number.as_f64()?),
        Value::String(text) => read_text(text),
        _ => None,
    }
}

/// The same of JSON. A time has no escapes, mostly, and needs no value.
fn read_json(json: &str) -> Option<Timestamp> {
    match json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(text) if !text.contains('\\') => read_text(text),
        _ => read(&serde_json::from_str(json).ok()?),
    }
}

fn read_text(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return since_1970(text.parse().ok()?);
    }
    text.parse().ok().or_else(|| TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())
}

fn since_1970(number: f64) -> Option<Timestamp> {
    let milliseconds = if number.abs() < MILLISECONDS_FROM { number * 1000.0 } else { number };
    // The cast saturates, and what is out of a timestamp's range is refused after it.
    Timestamp::from_millisecond(milliseconds as i64).ok()
}

fn corrected(original: Option<Timestamp>, sent_at: Option<Timestamp>, received_at: Timestamp) -> Option<Timestamp> {
    received_at.checked_sub(sent_at?.duration_since(original?)).ok()
}

fn credible(time: Timestamp, received_at: Timestamp) -> bool {
    time >= EARLIEST && time.duration_since(received_at) <= MAX_AHEAD
}

/// A field that could not be read is dropped, so that a tag never meets a time that is none.
fn put(object: &mut Object, field: &str, time: Option<Timestamp>) {
    match time {
        Some(time) => object.set_string(field, &PRINTER.timestamp_to_string(&time)),
        None => object.remove(field),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_the_forms_in_which_times_come() {
        let check = |value: Value, expected: Option<&str>| {
            let expected = expected.map(|text| text.parse().unwrap());
            assert_eq!((read(&value), read_json(&value.to_string())), (expected, expected), "{value}");
        };
        check(json!("2026-11-21T10:00:00.123Z"), Some("2026-11-21T10:00:00.123Z"));
        check(json!("2026-11-21T10:00:00.123456+02:00"), Some("2026-11-21T08:00:00.123456Z"));
        check(json!("2026-11-21T10:00:00+0200"), Some("2026-11-21T08:00:00Z"));
        check(json!("2026-11-21 10:00:00"), Some("2026-11-21T10:00:00Z"));
        check(json!("2026-11-21"), Some("2026-11-21T00:00:00Z"));
        check(json!(" 20261121 "), Some("2026-11-21T00:00:00Z"));
        check(json!(1_795_255_200), Some("2026-11-21T10:00:00Z"));
        check(json!(1_795_255_200.5), Some("2026-11-21T10:00:00.5Z"));
        check(json!(1_795_255_200_250_i64), Some("2026-11-21T10:00:00.25Z"));
        check(json!("1795255200250"), Some("2026-11-21T10:00:00.25Z"));
        check(json!(1e300), None);
        check(json!("yesterday"), None);
        check(json!("99999999999999999999999999"), None);
        check(json!({}), None);
    }

    /// Received at ten; `timestamp` as expected, and no field that is not a time.
    fn check(event: Value, batch_sent_at: Option<&str>, expected: &str) {
        let mut object = Object::from(event.as_object().unwrap());
        let received_at = "2026-11-21T10:00:00Z".parse().unwrap();
        set(&mut object, batch_sent_at.map(|text| text.parse().unwrap()), received_at);
        let fields = object.to_map();
        assert_eq!(fields["timestamp"], expected, "{event}");
        assert_eq!(fields["receivedAt"], "2026-11-21T10:00:00.000Z");
        for (field, value) in &fields {
            assert!(read(value).is_some(), "{event}: {field} is {value}");
        }
    }

    #[test]
    fn a_wrong_clock_is_corrected() {
        let slow = json!({"timestamp": "2026-11-21T07:59:58Z", "sentAt": "2026-11-21T08:00:00Z"});
        check(slow, None, "2026-11-21T09:59:58.000Z");
        let fast = json!({"timestamp": "2031-01-01T00:00:00Z", "sentAt": "2031-01-01T00:00:00.250Z"});
        check(fast, None, "2026-11-21T09:59:59.750Z");
        let never_set = json!({"timestamp": "1970-01-01T00:00:10Z", "sentAt": "1970-01-01T00:00:15Z"});
        check(never_set, None, "2026-11-21T09:59:55.000Z");
        let only_original = json!({"originalTimestamp": "2026-11-21T08:00:00Z", "sentAt": "2026-11-21T08:00:01Z"});
        check(only_original, None, "2026-11-21T09:59:59.000Z");
        check(json!({"timestamp": "2026-11-21T08:00:00Z"}), Some("2026-11-21T08:00:02Z"), "2026-11-21T09:59:58.000Z");
        let own = json!({"timestamp": "2026-11-21T08:00:00Z", "sentAt": "2026-11-21T08:00:01Z"});
        check(own, Some("2026-11-21T09:00:00Z"), "2026-11-21T09:59:59.000Z");
    }

    #[test]
    fn what_was_given_stays_where_nothing_corrects_it() {
        check(json!({"timestamp": "2019-03-01T00:00:00Z"}), None, "2019-03-01T00:00:00.000Z");
        let unreadable = json!({"timestamp": "2026-11-20T00:00:00Z", "sentAt": "soon"});
        check(unreadable, None, "2026-11-20T00:00:00.000Z");
        let zero = json!({"timestamp": "2026-11-20T00:00:00Z", "sentAt": "0001-01-01T00:00:00Z"});
        check(zero, None, "2026-11-20T00:00:00.000Z");
        let replayed = json!({"timestamp": "2025-01-01T00:00:00Z", "originalTimestamp": "2025-01-01T03:00:00Z",
            "sentAt": "2025-01-01T03:00:01Z"});
        check(replayed, None, "2025-01-01T00:00:00.000Z");
    }

    #[test]
    fn absurd_and_missing_times_count_as_of_receipt() {
        for event in [
            json!({}),
            json!({"timestamp": null, "sentAt": {}, "receivedAt": "2001-01-01"}),
            json!({"timestamp": "soon", "originalTimestamp": "sooner"}),
            json!({"timestamp": "0001-01-01T00:00:00Z"}),
            json!({"timestamp": 0}),
            json!({"timestamp": "2026-11-23T00:00:00Z"}),
            json!({"timestamp": "9999-12-30T00:00:00Z", "sentAt": "-009999-01-03T00:00:00Z"}),
        ] {
            check(event, None, "2026-11-21T10:00:00.000Z");
        }
    }
}
