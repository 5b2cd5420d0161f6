//! The event: one thing that happened, in the Segment spec's JSON shape.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::object::{Object, depth_of};
use crate::outline::Outline;

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
///
/// It is kept as text. What decides about nearly every tag (kind, name, user, `integrations`) stands beside it; where in the text
/// each value lies is found out when the first asks for one.
#[derive(Clone, Debug)]
pub struct Event {
    kind: Kind,
    message_id: String,
    name: Option<String>,
    user: Option<String>,
    /// Whether its anonymous id is nobody's, for enrichment that may find out whose event it is.
    is_nobodys: bool,
    integrations: Map<String, Value>,
    object: Object,
    outline: OnceLock<Outline>,
}

/// By which an event says whom it is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Id {
    User,
    Anonymous,
    /// Of an alias: what the user was known by before.
    Previous,
}

impl Id {
    fn field(self) -> &'static str {
        match self {
            Id::User => "userId",
            Id::Anonymous => "anonymousId",
            Id::Previous => "previousId",
        }
    }
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
    pub fn new(mut object: Object) -> Result<Self, InvalidEvent> {
        let kind = match object.json("type").map(|_| object.string("type").as_deref().and_then(Kind::from_name)) {
            Some(Some(kind)) => kind,
            Some(None) => return Err(invalid("type", "is none of track, page, screen, identify, group, alias")),
            None => return Err(invalid("type", "is missing")),
        };
        if let Some(field) = object.deeper_than(MAX_DEPTH) {
            let field = OBJECTS.into_iter().find(|known| *known == field).unwrap_or("*");
            return Err(invalid(field, "is nested deeper than 64 levels"));
        }
        if object.members().any(is_other_than_usual) {
            bring_to_types(&mut object)?;
        }
        let message_id = require(&object, "messageId")?;
        let name = match kind {
            Kind::Track => Some(require(&object, "event")?),
            Kind::Page | Kind::Screen | Kind::Identify | Kind::Group | Kind::Alias => text(&object, "name"),
        };
        match kind {
            Kind::Group => drop(require(&object, "groupId")?),
            Kind::Alias => drop(require(&object, "previousId")?),
            Kind::Track | Kind::Page | Kind::Screen | Kind::Identify => {}
        }
        let user = user(&object);
        if user.is_none() {
            return Err(invalid(
                "userId",
                "and `anonymousId` are both missing: one of them says whom the event is about",
            ));
        }
        let integrations = object.object("integrations").map(|object| object.to_map()).unwrap_or_default();
        Ok(Event { kind, message_id, name, user, is_nobodys: false, integrations, object, outline: OnceLock::new() })
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// What happened: the name of a track event, page or screen.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whom it is about: the user's id, or else the anonymous one. Events of one user stay in order.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The sender's own wishes for tags; mostly empty.
    pub fn integrations(&self) -> &Map<String, Value> {
        &self.integrations
    }

    /// All of it, as values. A tag's way through the pipeline does without: see [`Event::outline`].
    pub fn fields(&self) -> Map<String, Value> {
        self.object.to_map()
    }

    /// All of it, for expressions and transformations. Made when the first asks for it.
    pub fn outline(&self) -> &Outline {
        self.outline.get_or_init(|| Outline::of(self.object.to_json()))
    }

    /// All of it, as text.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// What the sender says about the surroundings.
    pub fn context(&self) -> Object {
        self.object.object("context").unwrap_or_default()
    }

    /// For enrichment, which adds to it.
    pub fn set_context(&mut self, context: &Object) {
        self.set_object("context", context);
    }

    /// Says whom it is about, for enrichment that knows more of it than the sender.
    pub(crate) fn set_id(&mut self, id: Id, text: &str) {
        self.object.set_string(id.field(), text);
        self.user = user(&self.object);
        self.is_nobodys = false;
        self.outline = OnceLock::new();
    }

    /// An id that is there and not empty.
    pub(crate) fn id(&self, id: Id) -> Option<String> {
        text(&self.object, id.field())
    }

    /// Says that its anonymous id was made up, as the sender did not say whom it is about.
    pub(crate) fn set_nobodys(&mut self) {
        self.is_nobodys = true;
    }

    pub(crate) fn is_nobodys(&self) -> bool {
        self.is_nobodys
    }

    /// For sources, which mend what their SDKs say. Not for what an event is told by: its kind, ids, name and integrations.
    pub(crate) fn set_object(&mut self, field: &str, object: &Object) {
        self.object.set_object(field, object);
        self.outline = OnceLock::new();
    }

    /// Says that a backend has sent it, so that the request's address and user agent are not taken for the visitor's.
    pub(crate) fn set_from_backend(&mut self) {
        self.object.set_string("channel", "server");
        self.outline = OnceLock::new();
    }
}

/// The same fields with the same values: the rest follows from them.
impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.fields() == other.fields()
    }
}

impl Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Event::new(Object::from(&Map::deserialize(deserializer)?)).map_err(serde::de::Error::custom)
    }
}

/// Whom an event is about.
fn user(object: &Object) -> Option<String> {
    text(object, "userId").or_else(|| text(object, "anonymousId"))
}

/// Whether a member has to be [brought to its type](bring_to_types). Those of nearly all events have theirs.
fn is_other_than_usual((field, json): (&str, &str)) -> bool {
    match json.as_bytes().first() {
        Some(b'"') => OBJECTS.contains(&field),
        Some(b'{') => TEXTS.contains(&field),
        _ => OBJECTS.contains(&field) || TEXTS.contains(&field),
    }
}

/// Makes text of numbers, and removes what is `null`, in the fields that the spec knows.
fn bring_to_types(object: &mut Object) -> Result<(), InvalidEvent> {
    for field in TEXTS {
        to_text(object, field)?;
    }
    for field in OBJECTS {
        match object.json(field).and_then(|json| json.bytes().next()) {
            Some(b'n') => object.remove(field),
            Some(b'{') | None => {}
            Some(_) => return Err(invalid(field, "is not an object")),
        }
    }
    Ok(())
}

fn to_text(object: &mut Object, field: &'static str) -> Result<(), InvalidEvent> {
    match object.json(field).and_then(|json| json.bytes().next()) {
        None | Some(b'"') => Ok(()),
        Some(b'n') => {
            object.remove(field);
            Ok(())
        }
        Some(b'-' | b'0'..=b'9') => {
            let number = object.value(field).unwrap_or_default().to_string();
            object.set_string(field, &number);
            Ok(())
        }
        Some(_) => Err(invalid(field, "is not a string")),
    }
}

/// The text at a top-level field, if it is not empty.
fn text(object: &Object, field: &str) -> Option<String> {
    object.string(field).filter(|text| !text.is_empty())
}

fn require(object: &Object, field: &'static str) -> Result<String, InvalidEvent> {
    text(object, field).ok_or_else(|| invalid(field, "is missing or empty"))
}

/// Whether a value is nested deeper than anything that is kept may be.
pub(crate) fn is_too_deep(value: &Value) -> bool {
    depth_of(value) > MAX_DEPTH
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
        let actual = Event::new(Object::from(&fields)).map(|event| event.kind()).map_err(|error| error.to_string());
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
