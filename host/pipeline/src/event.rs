//! The event: one thing that happened, in the Segment spec's JSON shape.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The Segment spec's six calls.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Track,
    Page,
    Screen,
    Identify,
    Group,
    Alias,
}

impl Kind {
    pub const ALL: [Kind; 6] = [Kind::Track, Kind::Page, Kind::Screen, Kind::Identify, Kind::Group, Kind::Alias];

    /// The name it has in an event's `type`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Track => "track",
            Kind::Page => "page",
            Kind::Screen => "screen",
            Kind::Identify => "identify",
            Kind::Group => "group",
            Kind::Alias => "alias",
        }
    }

    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A valid event: it has a kind, a `messageId`, somebody it is about, and what its kind needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Event {
    #[serde(skip)]
    kind: Kind,
    fields: Map<String, Value>,
}

/// What is wrong with an event, for the person who sent it. It never repeats a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct InvalidEvent {
    /// The dotted path of the field; `*` for one that the spec does not know.
    pub field: &'static str,
    pub problem: &'static str,
}

/// The fields that are objects where they occur at all.
const OBJECTS: [&str; 4] = ["context", "properties", "traits", "integrations"];

/// The fields that are text where they occur at all; numbers are taken for text, since many backends send numeric ids.
const TEXTS: [&str; 9] =
    ["messageId", "anonymousId", "userId", "groupId", "previousId", "event", "name", "category", "timestamp"];

/// How deep an event may be nested. JSON parsers stop at about 128 levels, and an event is put into records, dead letters
/// and messages, and added to by transformations, after it was taken: what can be taken must be readable everywhere.
const MAX_DEPTH: usize = 64;

impl Event {
    /// Checks an event and brings its fields to the types of the spec. `messageId` has to be there already: sources fill it in.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn new(mut fields: Map<String, Value>) -> Result<Self, InvalidEvent> {
        let kind = match fields.get("type").map(|kind| kind.as_str().and_then(Kind::from_name)) {
            Some(Some(kind)) => kind,
            Some(None) => return Err(invalid("type", "is none of track, page, screen, identify, group, alias")),
            None => return Err(invalid("type", "is missing")),
        };
        if let Some((field, _)) = fields.iter().find(|(_, value)| is_too_deep(value)) {
            let field = OBJECTS.into_iter().find(|known| known == field).unwrap_or("*");
            return Err(invalid(field, "is nested deeper than 64 levels"));
        }
        for field in TEXTS {
            to_text(&mut fields, field)?;
        }
        for field in OBJECTS {
            match fields.get(field) {
                Some(Value::Null) => drop(fields.remove(field)),
                Some(Value::Object(_)) | None => {}
                Some(_) => return Err(invalid(field, "is not an object")),
            }
        }
        let event = Event { kind, fields };
        event.require("messageId")?;
        match kind {
            Kind::Track => event.require("event")?,
            Kind::Group => event.require("groupId")?,
            Kind::Alias => event.require("previousId")?,
            Kind::Page | Kind::Screen | Kind::Identify => {}
        }
        if event.user().is_none() {
            return Err(invalid(
                "userId",
                "and `anonymousId` are both missing: one of them says whom the event is about",
            ));
        }
        Ok(event)
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn message_id(&self) -> &str {
        self.text("messageId").unwrap_or_default()
    }

    /// What happened: the name of a track event, page or screen.
    pub fn name(&self) -> Option<&str> {
        self.text(if self.kind == Kind::Track { "event" } else { "name" })
    }

    /// Whom it is about: the user's id, or else the anonymous one. Events of one user stay in order.
    pub fn user(&self) -> Option<&str> {
        self.text("userId").or_else(|| self.text("anonymousId"))
    }

    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// For enrichment, which adds to `context`.
    pub fn context_mut(&mut self) -> &mut Map<String, Value> {
        let context = self.fields.entry("context").or_insert_with(|| Value::Object(Map::new()));
        if !context.is_object() {
            *context = Value::Object(Map::new());
        }
        match context {
            Value::Object(context) => context,
            _ => unreachable!("made an object above"),
        }
    }

    /// The text at a top-level field, if it is not empty.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str().filter(|text| !text.is_empty())
    }

    fn require(&self, field: &'static str) -> Result<(), InvalidEvent> {
        match self.text(field) {
            Some(_) => Ok(()),
            None => Err(invalid(field, "is missing or empty")),
        }
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Event::new(Map::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn to_text(fields: &mut Map<String, Value>, field: &'static str) -> Result<(), InvalidEvent> {
    match fields.get_mut(field) {
        None | Some(Value::String(_)) => Ok(()),
        Some(Value::Null) => {
            fields.remove(field);
            Ok(())
        }
        Some(value @ Value::Number(_)) => {
            *value = Value::String(value.to_string());
            Ok(())
        }
        Some(_) => Err(invalid(field, "is not a string")),
    }
}

/// Whether a value is nested deeper than anything that is kept may be.
pub(crate) fn is_too_deep(value: &Value) -> bool {
    is_deeper(value, MAX_DEPTH)
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    let below = |value: &Value| is_deeper(value, levels.saturating_sub(1));
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(below),
        Value::Object(object) => levels == 0 || object.values().any(below),
        _ => false,
    }
}

fn invalid(field: &'static str, problem: &'static str) -> InvalidEvent {
    InvalidEvent { field, problem }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(event: Value, expected: Result<Kind, &str>) {
        let Value::Object(fields) = event.clone() else { panic!("an object") };
        let actual = Event::new(fields).map(|event| event.kind()).map_err(|error| error.to_string());
        assert_eq!(actual, expected.map_err(str::to_owned), "{event}");
    }

    #[test]
    fn says_what_is_wrong() {
        check(json!({}), Err("`type` is missing"));
        check(json!({"type": "buy"}), Err("`type` is none of track, page, screen, identify, group, alias"));
        check(json!({"type": "track", "messageId": "m", "userId": "u"}), Err("`event` is missing or empty"));
        check(
            json!({"type": "page", "messageId": "m", "userId": "u", "context": 1}),
            Err("`context` is not an object"),
        );
        check(json!({"type": "page", "messageId": ["m"], "userId": "u"}), Err("`messageId` is not a string"));
        check(
            json!({"type": "page", "messageId": "m", "userId": ""}),
            Err("`userId` and `anonymousId` are both missing: one of them says whom the event is about"),
        );
    }

    #[test]
    fn takes_what_can_be_read_again_and_nothing_deeper() {
        let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        let event =
            |levels| json!({"type": "page", "messageId": "m", "userId": "u", "properties": {"a": nested(levels)}});
        check(event(MAX_DEPTH - 1), Ok(Kind::Page));
        check(event(MAX_DEPTH), Err("`properties` is nested deeper than 64 levels"));
        check(json!({"type": "page", "mine": nested(MAX_DEPTH + 1)}), Err("`*` is nested deeper than 64 levels"));
    }

    #[test]
    fn takes_numbers_for_ids_and_null_for_absent() {
        check(json!({"type": "page", "messageId": 7, "userId": 42, "properties": null, "name": null}), Ok(Kind::Page));
    }
}
