//! The events of a request: what can be taken, and what is set aside.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::item::Surroundings;
use super::limits::{MAX_BATCH_EVENTS, MAX_KEPT_TEXT, MAX_MERGED_BYTES};
use super::{BadEvent, Refusal, surrogate};
use crate::event::{Event, is_too_deep};
use crate::object::Object;

/// The events of a request with many, in their order; a bad one costs itself only.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) events: Vec<Event>,
    pub(super) bad: Vec<BadEvent>,
}

impl Gathered {
    pub(super) fn add(&mut self, event: Result<Event, BadEvent>) {
        match event {
            Ok(event) => self.events.push(event),
            Err(bad) => self.bad.push(bad),
        }
    }
}

impl FromIterator<Result<Event, BadEvent>> for Gathered {
    fn from_iter<I: IntoIterator<Item = Result<Event, BadEvent>>>(events: I) -> Self {
        let mut gathered = Gathered::default();
        events.into_iter().for_each(|event| gathered.add(event));
        gathered
    }
}

/// Bounds a request's events: their number, and what they come to once what they have in common (`common` bytes, said once
/// in the request) stands in each.
pub(super) fn check_count(events: usize, common: usize) -> Result<(), Refusal> {
    if events > MAX_BATCH_EVENTS {
        let message = format!("the batch has {events} events, the limit is {MAX_BATCH_EVENTS}: send several");
        return Err(Refusal::too_large("too_many_events", message));
    }
    if common.saturating_mul(events) > MAX_MERGED_BYTES {
        let message = format!(
            "what the request says for all would stand in each of its {events} events, {common} bytes a time: \
             send fewer events at once, or less in common"
        );
        return Err(Refusal::too_large("batch_too_large", message));
    }
    Ok(())
}

/// Bounds one event's length.
pub(super) fn check_length(bytes: usize, max: usize) -> Result<(), String> {
    if bytes <= max { Ok(()) } else { Err(format!("the event has {bytes} bytes, the limit is {max}: send less in it")) }
}

/// The same, for a request that is one event.
pub(super) fn check_single(bytes: usize, max: usize) -> Result<(), Refusal> {
    check_length(bytes, max).map_err(|reason| Refusal::too_large("event_too_large", reason))
}

/// An item of a list, read. What cannot be read, or is too long, is a bad event, known by `id` where it is too long to be kept.
pub(super) fn read_item<T: DeserializeOwned>(
    item: &RawValue,
    position: usize,
    max_event_bytes: usize,
    id: &[&str],
) -> Result<T, BadEvent> {
    let text = item.get();
    check_length(text.len(), max_event_bytes).map_err(|reason| BadEvent {
        position,
        reason,
        event: identity(text, id),
    })?;
    // What serde says about a wrong type repeats the value.
    surrogate::parse(text, |text| serde_json::from_str(text)).map_err(|error| {
        let reason = if error.is_data() {
            format!("the event, or a member of it, has another type than it has to have, at column {}", error.column())
        } else {
            format!("the event cannot be read: {error} of the event")
        };
        BadEvent { position, reason, event: as_it_came(text) }
    })
}

/// An event that a source has made, checked; `original` says how it came.
pub(super) fn finish(
    surroundings: &Surroundings<'_>,
    fields: &Map<String, Value>,
    position: usize,
    original: impl FnOnce() -> Value,
) -> Result<Event, BadEvent> {
    surroundings.event(Object::from(fields), position).map_err(|error| BadEvent {
        position,
        reason: error.to_string(),
        event: original(),
    })
}

/// As JSON where that can be read again from wherever it is kept, or else as text.
pub(super) fn as_it_came(text: &str) -> Value {
    let value = surrogate::parse(text, |text| serde_json::from_str(text));
    value.ok().filter(|value| !is_too_deep(value)).unwrap_or_else(|| Value::from(text))
}

/// By what an event that is too long to be kept is found again: those of its members that are short.
pub(super) fn identity(text: &str, members: &[&str]) -> Value {
    let object = surrogate::parse(text, Object::parse).unwrap_or_default();
    let short = |name: &&str| Some(((*name).to_owned(), Value::from(object.string(name)?)));
    let is_short = |value: &Value| value.as_str().is_some_and(|text| text.len() <= MAX_KEPT_TEXT);
    members.iter().filter_map(short).filter(|(_, value)| is_short(value)).collect()
}
