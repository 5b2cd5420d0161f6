//! The record of an accepted event, as it lies in the journal.

use std::borrow::Cow;
use std::fmt::Write;

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::{Event, InvalidEvent};
use crate::object::{Object, push_string};
use crate::request::Request;
use crate::rules::Memo;

/// The format that is written. A reader knows this one and all before it; a new number comes with a new way to read.
const VERSION: u32 = 1;

/// With all of its digits, as a timestamp shows itself.
const PRINTER: DateTimePrinter = DateTimePrinter::new();

/// An event that a source took.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    pub received_at: Timestamp,
    /// The name of the source.
    pub source: Cow<'static, str>,
    /// What is kept of the request that brought it.
    pub request: Request,
    pub event: Event,
    /// The only tag that it is for: an event that was put back for one whose outcome a person did not accept.
    pub only: Option<String>,
    memo: Memo,
}

/// Why a record could not be read. It never repeats a value of the event's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RecordError {
    #[error("the record has version {0}, this release reads up to {VERSION}: it was written by a later one")]
    Version(u32),
    #[error("the record is damaged at byte {0}")]
    Damaged(usize),
    #[error("the record's event is not valid: {0}")]
    Event(#[from] InvalidEvent),
}

/// Version 1.
#[derive(Deserialize)]
struct Record<'r> {
    v: u32,
    received_at: Timestamp,
    #[serde(borrow)]
    source: Cow<'r, str>,
    /// Not there where nothing is kept of it.
    #[serde(borrow, default)]
    request: Option<&'r RawValue>,
    #[serde(borrow)]
    event: &'r RawValue,
    #[serde(default)]
    only: Option<String>,
}

/// What every version has.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Accepted {
    pub fn new(received_at: Timestamp, source: impl Into<Cow<'static, str>>, request: Request, event: Event) -> Self {
        Accepted { received_at, source: source.into(), request, event, only: None, memo: Memo::default() }
    }

    /// What was found out about it.
    pub(crate) fn memo(&self) -> &Memo {
        &self.memo
    }

    /// The same for one tag alone.
    pub fn only_for(self, tag: &str) -> Self {
        Accepted { only: Some(tag.to_owned()), ..self }
    }

    /// Whether it is for another tag than this one alone.
    pub fn is_kept_from(&self, tag: &str) -> bool {
        self.only.as_deref().is_some_and(|only| only != tag)
    }

    /// The record as JSON.
    pub fn to_json(&self) -> String {
        let request = self.request.json();
        let mut json = String::with_capacity(self.event.object().text_len() + request.map_or(0, str::len) + 256);
        // Writing into memory cannot fail.
        let _ = write!(json, r#"{{"v":{VERSION},"received_at":""#);
        let _ = PRINTER.print_timestamp(&self.received_at, &mut json);
        json.push_str(r#"","source":"#);
        push_string(&mut json, &self.source);
        json.push(',');
        if let Some(request) = request {
            json.push_str(r#""request":"#);
            json.push_str(request);
            json.push(',');
        }
        if let Some(only) = &self.only {
            json.push_str(r#""only":"#);
            push_string(&mut json, only);
            json.push(',');
        }
        json.push_str(r#""event":"#);
        self.event.object().write(&mut json);
        json.push('}');
        json
    }

    /// Reads a record of this version or an older one.
    ///
    /// # Errors
    /// When it is damaged, or was written by a later version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let record = match serde_json::from_slice::<Record<'_>>(bytes) {
            Ok(record) if record.v == VERSION => record,
            Ok(record) => return Err(RecordError::Version(record.v)),
            Err(error) => {
                return Err(match serde_json::from_slice(bytes) {
                    Ok(Version { v }) if v != VERSION => RecordError::Version(v),
                    _ => RecordError::Damaged(error.column()),
                });
            }
        };
        let object = Object::parse(record.event.get()).map_err(|error| RecordError::Damaged(error.column()))?;
        let request = record.request.map(|json| Request::from_json(json.get())).unwrap_or_default();
        let accepted = Accepted::new(record.received_at, record.source.into_owned(), request, Event::new(object)?);
        Ok(Accepted { only: record.only, ..accepted })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn comes_back_as_it_was() {
        let event = json!({"type": "track", "messageId": "m", "userId": "u", "event": "Ordered \u{1f600}",
            "properties": {"revenue": 9.99, "products": [{"id": 1}], "note": "a \"quoted\"\nline"}});
        let event: Event = serde_json::from_value(event).unwrap();
        let received_at = "2026-11-21T10:00:00.123456789Z".parse().unwrap();
        for request in [Request::default(), Request::from_json(r#"{"cookies":{"theme":"\"dark\""}}"#)] {
            let accepted = Accepted::new(received_at, "segment", request, event.clone());
            for accepted in [accepted.clone(), accepted.only_for("ga4")] {
                assert_eq!(Accepted::from_bytes(accepted.to_json().as_bytes()), Ok(accepted));
            }
        }
    }

    #[test]
    fn the_first_version_stays_readable() {
        let record = br#"{"v":1,"received_at":"2026-11-21T10:00:00Z","source":"segment",
            "event":{"type":"page","messageId":"m","anonymousId":"a"},"later":1}"#;
        let accepted = Accepted::from_bytes(record).unwrap();
        assert_eq!(accepted.received_at.as_second(), 1_795_255_200);
        assert_eq!((accepted.event.message_id(), &*accepted.source), ("m", "segment"));
    }

    #[test]
    fn says_why_a_record_cannot_be_read() {
        let check = |record: &str, expected: &str| {
            let error = Accepted::from_bytes(record.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{record}: {error}");
            assert!(!error.contains("secret"), "{error}");
        };
        check(r#"{"v":2,"events":"secret"}"#, "the record has version 2, this release reads up to 1");
        check(r#"{"v":"secret"}"#, "the record is damaged at byte");
        check(r#"{"v":1,"received_at":"secret","source":"s","event":{}}"#, "the record is damaged at byte");
        check(
            r#"{"v":1,"received_at":"2026-11-21T10:00:00Z","source":"segment","event":{"type":"secret"}}"#,
            "the record's event is not valid: `type`",
        );
        check(r#"{"v":1,"received_at":"2026-"#, "the record is damaged at byte 27");
        check("", "the record is damaged at byte 0");
    }
}
