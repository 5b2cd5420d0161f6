//! What `[identity]` finds out about the visitor, for `tagyard try`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tagyard_pipeline::event::Event;
use tagyard_pipeline::identity::Identity;
use tagyard_pipeline::request::Request;
use tagyard_pipeline::sources::Incoming;

/// What was put into a field of an event, by the field's path.
pub(super) type Found = BTreeMap<String, Value>;

/// What was found out about the visitor of some events.
#[derive(Default)]
pub(super) struct Identified {
    /// Of each event.
    pub(super) found: Vec<Found>,
    /// The cookies that the answer would set.
    pub(super) cookies: Vec<String>,
}

/// Puts into the events what is found out. Links are not looked up: they are a running host's.
pub(super) fn identify(
    identity: Option<&Identity>,
    request: &Incoming<'_>,
    kept: &[Request],
    events: &mut [Event],
) -> Identified {
    let Some(identity) = identity else { return Identified::default() };
    let before: Vec<Map<String, Value>> = events.iter().map(Event::fields).collect();
    let mut visit = identity.visit(request);
    events.iter_mut().zip(kept).for_each(|(event, kept)| visit.identify(event, kept, rand::random));
    let found = before.iter().zip(&*events).map(|(before, event)| found(before, &event.fields())).collect();
    Identified { found, cookies: visit.set_cookies() }
}

/// The fields that are new or other than before: at the top, and in `context` two levels deep.
fn found(before: &Map<String, Value>, after: &Map<String, Value>) -> Found {
    let mut found = Found::new();
    compare("", before, after, 2, &mut found);
    found
}

fn compare(path: &str, before: &Map<String, Value>, after: &Map<String, Value>, levels: usize, found: &mut Found) {
    for (name, value) in after {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (before.get(name), value) {
            (Some(known), value) if known == value => {}
            (Some(Value::Object(before)), Value::Object(after)) if levels > 0 => {
                compare(&path, before, after, levels - 1, found);
            }
            (None, Value::Object(after)) if levels > 0 => compare(&path, &Map::new(), after, levels - 1, found),
            (_, value) => drop(found.insert(path, value.clone())),
        }
    }
}
