//! A batch: many events, and what they have in common.

use http::HeaderMap;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::container::model::Collect;
use crate::event::Event;
use crate::object::Object;
use crate::sources::gather::{as_it_came, check_count, identity};
use crate::sources::item::Surroundings;
use crate::sources::query::Params;
use crate::sources::{BadEvent, Refusal, key, surrogate, time};

/// The body of `/v1/batch`.
///
/// The items stay text here. So each one's length is known without writing it out again, one that no parser takes (half of
/// a character, nested too deep, a number without bounds) costs itself only, and a bad event is still there as it came.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Batch<'b> {
    #[serde(borrow)]
    batch: Option<Vec<&'b RawValue>>,
    write_key: Value,
    sent_at: Value,
    context: Value,
    integrations: Value,
}

impl<'b> Batch<'b> {
    /// Lets the batch in by a key in the header, in the body, in the first of its events, or in the query.
    pub(super) fn check_key(&self, headers: &HeaderMap, query: &Params<'_>, collect: &Collect) -> Result<(), Refusal> {
        let in_query = query.get("writeKey").map(Value::from).unwrap_or_default();
        let first = self.batch.iter().flatten().next();
        let first = first.and_then(|item| serde_json::from_str::<Keyed>(item.get()).ok()).unwrap_or_default();
        key::check(headers, [&self.write_key, &first.write_key, &in_query], collect)
    }

    /// The events, and those that are none.
    pub(super) fn events(
        self,
        mut surroundings: Surroundings<'_>,
        max_event_bytes: usize,
    ) -> Result<(Vec<Event>, Vec<BadEvent>), Refusal> {
        let Some(items) = self.batch else {
            return Err(Refusal::bad_request("missing_batch", "`batch` is missing: it is the array of events"));
        };
        check_count(items.len(), 0)?;
        surroundings.sent_at = time::read(&self.sent_at);
        surroundings.context = object("context", self.context)?;
        surroundings.integrations = object("integrations", self.integrations)?;
        let common = length(&surroundings.context) + length(&surroundings.integrations);
        check_count(items.len(), common)?;
        let mut events = Vec::with_capacity(items.len());
        let mut bad = Vec::new();
        for (position, item) in items.into_iter().enumerate() {
            match event(item, position, &surroundings, common, max_event_bytes) {
                Ok(event) => events.push(event),
                Err(event) => bad.push(event),
            }
        }
        Ok((events, bad))
    }
}

/// For SDKs that send the key with each event.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Keyed {
    write_key: Value,
}

fn event(
    item: &RawValue,
    position: usize,
    surroundings: &Surroundings<'_>,
    common: usize,
    max_event_bytes: usize,
) -> Result<Event, BadEvent> {
    let text = item.get();
    let bytes = text.len().saturating_add(common);
    if bytes > max_event_bytes {
        let with = if common > 0 { " with what the batch says for all" } else { "" };
        let reason = format!("the event has {bytes} bytes{with}, the limit is {max_event_bytes}: send less in it");
        return Err(BadEvent { position, reason, event: identity(text, &["messageId", "type"]) });
    }
    let bad = |reason: String| BadEvent { position, reason, event: as_it_came(text) };
    if !text.starts_with('{') {
        return Err(bad("the event is not an object".to_owned()));
    }
    let object = surrogate::parse(text, Object::parse)
        .map_err(|error| bad(format!("the event cannot be read: {error} of the event")))?;
    surroundings.event(object, position).map_err(|error| bad(error.to_string()))
}

fn object(field: &str, value: Value) -> Result<Map<String, Value>, Refusal> {
    match value {
        Value::Object(object) => Ok(object),
        Value::Null => Ok(Map::new()),
        _ => Err(Refusal::bad_request("invalid_batch", format!("the batch's `{field}` is not an object"))),
    }
}

/// Its length as JSON: once a batch, where it has anything at all.
fn length(common: &Map<String, Value>) -> usize {
    if common.is_empty() { 0 } else { serde_json::to_string(common).map_or(usize::MAX / 2, |text| text.len()) }
}
