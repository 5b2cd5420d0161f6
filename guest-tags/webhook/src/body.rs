//! The body: the events' own text, so that a field this tag knows nothing of arrives as it was sent.

use alloc::vec::Vec;

use tagyard_tag::{Event, Failure, to_json};

use crate::settings::{Body, Settings};

/// The key of a list that has no envelope of its own.
const BATCH: &str = "batch";

/// How a placeholder for a secret begins, which the host would fill in.
const PLACEHOLDER: &str = "{{secret:";

/// The same characters of a JSON string, written so that they are no placeholder.
const NO_PLACEHOLDER: &str = "{\\u007bsecret:";

pub(crate) fn body(events: &[Event<'_>], settings: &Settings) -> Result<Vec<u8>, Failure> {
    let envelope = match (&settings.envelope, settings.body) {
        (Some(key), _) => Some(key.as_str()),
        (None, Body::Batch) => Some(BATCH),
        (None, Body::Event) => None,
    };
    let length = events.iter().map(|event| event.text.len() + 1).sum::<usize>();
    let mut body = Vec::with_capacity(length + envelope.map_or(0, str::len) + ROOM);
    if let Some(key) = envelope {
        body.push(b'{');
        body.extend_from_slice(&to_json(key)?);
        body.push(b':');
    }
    if settings.body == Body::Batch {
        body.push(b'[');
    }
    for (position, event) in events.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        append(&mut body, event.text);
    }
    if settings.body == Body::Batch {
        body.push(b']');
    }
    if envelope.is_some() {
        body.push(b'}');
    }
    Ok(body)
}

/// For the brackets, quotes and colon around the events.
const ROOM: usize = 16;

/// Whoever sends an event must not learn a secret by naming it there, so a placeholder in it stays a text. In JSON two braces
/// follow each other only inside a string, where one of them can be written as an escape and mean the same.
fn append(body: &mut Vec<u8>, text: &str) {
    let mut parts = text.trim().split(PLACEHOLDER);
    if let Some(first) = parts.next() {
        body.extend_from_slice(first.as_bytes());
    }
    for part in parts {
        body.extend_from_slice(NO_PLACEHOLDER.as_bytes());
        body.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let mut body = Vec::new();
        append(&mut body, text);
        assert_eq!(core::str::from_utf8(&body), Ok(expected));
    }

    #[test]
    fn the_text_of_an_event_stays_as_it_is() {
        check(r#" {"a": 1.10, "b":"{{x}}"} "#, r#"{"a": 1.10, "b":"{{x}}"}"#);
    }

    #[test]
    fn an_event_cannot_name_a_secret() {
        check(r#"{"a":"{{secret:token}}"}"#, r#"{"a":"{\u007bsecret:token}}"}"#);
        check(r#"{"a":"{{{secret:token}}"}"#, r#"{"a":"{{\u007bsecret:token}}"}"#);
    }
}
