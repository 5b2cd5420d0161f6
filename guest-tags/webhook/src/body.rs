//! The body: the events' own text, so that a field this tag knows nothing of arrives as it was sent.

use alloc::vec::Vec;

use tagyard_tag::{Event, Failure, to_json};

use crate::settings::{Body, Settings};

/// The key of a list that has no envelope of its own.
const BATCH: &str = "batch";

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
        body.extend_from_slice(event.text.as_bytes());
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
