//! One event as an SDK sends it, or as a source made it, brought to the spec's shape.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::id::Ids;
use super::{Incoming, Rules, time};
use crate::event::{Event, InvalidEvent, Kind};
use crate::identity::is_browser;
use crate::object::Object;

/// What is about the transport or about Segment's own workspace, not about what happened.
const DROPPED: [&str; 3] = ["_metadata", "projectId", "writeKey"];

/// What an event gets from its request.
pub(super) struct Surroundings<'b> {
    pub(super) received_at: Timestamp,
    pub(super) ids: Ids<'b>,
    /// The kind, where the path tells it.
    pub(super) kind: Option<Kind>,
    pub(super) sent_at: Option<Timestamp>,
    pub(super) context: Map<String, Value>,
    pub(super) integrations: Map<String, Value>,
    /// Whether an event may say nothing of whom it is about: it is found out afterwards.
    pub(super) finds_visitors: bool,
}

impl<'b> Surroundings<'b> {
    /// Those of a request that says nothing for its events in common.
    pub(super) fn new(body: &'b str, request: &Incoming<'_>, rules: &Rules) -> Self {
        let received_at = request.received_at;
        Surroundings {
            received_at,
            ids: Ids::new(body, received_at),
            kind: None,
            sent_at: None,
            context: Map::new(),
            integrations: Map::new(),
            finds_visitors: rules.finds_visitors && is_browser(request.headers),
        }
    }

    /// The event at this position of the request.
    pub(super) fn event(&self, mut object: Object, position: usize) -> Result<Event, InvalidEvent> {
        for field in DROPPED {
            object.remove(field);
        }
        if let Some(kind) = self.kind {
            object.set_string("type", kind.name());
        }
        // The name that `context` had in the first SDKs.
        if let Some(options) = object.object("options").filter(|_| !object.contains("context")) {
            object.set_object("context", &options);
        }
        object.remove("options");
        fill(&mut object, "context", &self.context);
        fill(&mut object, "integrations", &self.integrations);
        adopt_traits(&mut object);
        for id in ["userId", "anonymousId"] {
            // RudderStack's SDKs send an empty one for a visitor that is nobody yet.
            if object.json(id) == Some("\"\"") {
                object.remove(id);
            }
        }
        if matches!(object.json("messageId"), None | Some("null" | "\"\"")) {
            object.set_string("messageId", &self.ids.at(position));
        }
        time::set(&mut object, self.sent_at, self.received_at);
        let is_nobodys = self.finds_visitors && !["userId", "anonymousId"].iter().any(|id| object.contains(id));
        if is_nobodys {
            // Another one for each event: it stays where nothing is found out.
            object.set_string("anonymousId", &format!("nobody-{}", self.ids.at(position)));
        }
        let mut event = Event::new(object)?;
        if is_nobodys {
            event.set_nobodys();
        }
        Ok(event)
    }
}

/// What an identify call is about stands in `traits`; some SDKs have it in the context only.
fn adopt_traits(object: &mut Object) {
    if object.json("type") != Some("\"identify\"") || object.contains("traits") {
        return;
    }
    if let Some(traits) = object.object("context").and_then(|context| context.object("traits")) {
        object.set_object("traits", &traits);
    }
}

/// Fills an event's object from the batch's. The event's own values win; where both have an object, such as
/// `context.library`, the two are joined key by key, and no deeper.
fn fill(object: &mut Object, field: &str, common: &Map<String, Value>) {
    if common.is_empty() {
        return;
    }
    let mut own = match object.value(field) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(own)) => own,
        // The event's mistake, and reported as such.
        Some(_) => return,
    };
    for (key, common) in common {
        match (own.get_mut(key), common) {
            (None, common) => drop(own.insert(key.clone(), common.clone())),
            (Some(Value::Object(own)), Value::Object(common)) => {
                for (key, common) in common {
                    own.entry(key.as_str()).or_insert_with(|| common.clone());
                }
            }
            (Some(_), _) => {}
        }
    }
    object.set(field, &Value::Object(own));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_event_wins_over_its_batch_key_by_key() {
        let check = |own: Value, common: Value, expected: Value| {
            let mut object = Object::from(own.as_object().unwrap());
            fill(&mut object, "context", common.as_object().unwrap());
            assert_eq!(Value::Object(object.to_map()), expected);
        };
        let library = json!({"library": {"name": "ours", "version": "1"}, "ip": "192.0.2.1"});
        check(json!({}), json!({}), json!({}));
        check(json!({}), library.clone(), json!({"context": library}));
        check(json!({"context": null}), library.clone(), json!({"context": library}));
        check(
            json!({"context": {"library": {"name": "own"}, "ip": null, "page": {}}}),
            library.clone(),
            json!({"context": {"library": {"name": "own", "version": "1"}, "ip": null, "page": {}}}),
        );
        check(json!({"context": {"library": "own"}}), json!({"library": {}}), json!({"context": {"library": "own"}}));
        check(
            json!({"context": {"a": {"b": {"c": 1}}}}),
            json!({"a": {"b": {"d": 2}, "e": 3}}),
            json!({"context": {"a": {"b": {"c": 1}, "e": 3}}}),
        );
        check(json!({"context": 7}), library, json!({"context": 7}));
    }
}
