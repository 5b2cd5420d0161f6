//! The typed view of an event, in the Segment spec's shape.

use alloc::borrow::Cow;

use serde::Deserialize;

use crate::value::{Object, Text};

/// What kind of event it is: the Segment spec's six calls.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Track,
    Page,
    Screen,
    Identify,
    Group,
    Alias,
}

/// One event, with the fields that the tag was granted; the others are absent, as if they had never been sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    /// Its position in the call.
    #[serde(skip)]
    pub index: u32,
    /// The JSON text it was read from: for a tag that forwards events as they are, with the fields this view does not know.
    #[serde(skip)]
    pub text: &'a str,
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The name of a track event.
    #[serde(default, borrow, deserialize_with = "text")]
    pub event: Option<Cow<'a, str>>,
    /// The name of a page or screen.
    #[serde(default, borrow, deserialize_with = "text")]
    pub name: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "text")]
    pub category: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "text")]
    pub message_id: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "text")]
    pub anonymous_id: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "text")]
    pub user_id: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "text")]
    pub group_id: Option<Cow<'a, str>>,
    #[serde(default, borrow, deserialize_with = "text")]
    pub previous_id: Option<Cow<'a, str>>,
    /// RFC 3339, corrected for the clock of the device.
    #[serde(default, borrow, deserialize_with = "text")]
    pub timestamp: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub properties: Object<'a>,
    #[serde(default, borrow)]
    pub traits: Object<'a>,
    #[serde(default, borrow)]
    pub context: Object<'a>,
    #[serde(default, borrow)]
    pub integrations: Object<'a>,
}

impl<'a> Event<'a> {
    /// Reads one event from its JSON text.
    ///
    /// # Errors
    /// When the text is not JSON, or a field of the spec has another type than the spec gives it.
    pub fn parse(index: u32, text: &'a str) -> Result<Self, serde_json::Error> {
        let mut event: Event<'a> = serde_json::from_str(text)?;
        event.index = index;
        event.text = text;
        Ok(event)
    }

    /// What happened: the event's name, or the page's or screen's, where it is not empty.
    pub fn name(&self) -> Option<&str> {
        let name = match self.kind {
            Kind::Track => &self.event,
            _ => &self.name,
        };
        name.as_deref().filter(|name| !name.is_empty())
    }

    /// The user's id, or else the anonymous one.
    pub fn any_id(&self) -> Option<&str> {
        [&self.user_id, &self.anonymous_id].into_iter().find_map(|id| id.as_deref().filter(|id| !id.is_empty()))
    }

    /// When it happened, in microseconds since 1970.
    pub fn timestamp_micros(&self) -> Option<i64> {
        crate::time::micros(self.timestamp.as_deref()?)
    }

    /// A trait of the user, wherever the SDK put it: `traits` of an identify, `context.traits` of the others.
    pub fn user_trait(&self, path: &str) -> Option<&crate::Value<'a>> {
        self.traits.at(path).or_else(|| self.context.get("traits")?.as_object()?.at(path))
    }
}

fn text<'de: 'a, 'a, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    Ok(Option::<Text<'a>>::deserialize(deserializer)?.map(|text| text.0))
}
