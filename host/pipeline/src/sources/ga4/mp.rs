//! `POST /mp/collect`: the Measurement Protocol's JSON, as backends and apps send it.
//!
//! | member | becomes |
//! |---|---|
//! | `client_id`, or an app's `app_instance_id` | `anonymousId`, `context.ga.clientId` |
//! | `user_id` | `userId` |
//! | `timestamp_micros`, the event's or the request's | `timestamp` |
//! | `user_properties.NAME.value` | `context.traits.NAME` |
//! | `user_data`, `user_location`, `device` | `context.userData`, `.location`, `.device` |
//! | `user_agent`, `ip_override` | `context.userAgent`, `.ip` |
//! | `consent` | `context.consent.categoryPreferences`, as `true` for `GRANTED` and `false` for `DENIED` |
//! | `events[].name`, `.params` | as at `/g/collect`; `session_id`, and the page's, go to `context` |
//!
//! The sender is a backend: the request's address and user agent are not the visitor's.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::items;
use crate::event::Event;
use crate::sources::gather::{Gathered, as_it_came, check_count, finish, read_item};
use crate::sources::item::Surroundings;
use crate::sources::page::{page, put, put_object};
use crate::sources::query::Params;
use crate::sources::{Answer, BadEvent, Incoming, Parsed, Refusal, Rules, body, key, segment};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload<'b> {
    client_id: Value,
    app_instance_id: Value,
    user_id: Value,
    timestamp_micros: Value,
    user_properties: Map<String, Value>,
    user_data: Map<String, Value>,
    user_location: Map<String, Value>,
    device: Map<String, Value>,
    user_agent: Value,
    ip_override: Value,
    consent: Map<String, Value>,
    #[serde(borrow)]
    events: Option<Vec<&'b RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sent {
    name: String,
    params: Map<String, Value>,
    timestamp_micros: Value,
}

/// Where the stream's id stands in the query.
const IDS: [&str; 2] = ["measurement_id", "firebase_app_id"];

pub(super) fn keys(request: &Incoming<'_>) -> Vec<String> {
    let query = Params::parse(request.query.unwrap_or_default());
    IDS.iter().filter_map(|name| query.get(name)).map(str::to_owned).collect()
}

pub(super) fn parse(request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
    let query = Params::parse(request.query.unwrap_or_default());
    let given = IDS.iter().filter_map(|name| query.get(name)).map(Cow::Borrowed);
    key::require(given, &rules.options, "send `measurement_id` in the query, and list it there")?;
    let text = body::text(request.headers, request.body)?;
    let mut payload: Payload<'_> = segment::read(&text, serde_json::from_str)?;
    let items = payload
        .events
        .take()
        .ok_or_else(|| Refusal::bad_request("missing_batch", "`events` is missing: it is the array of events"))?;
    let common = payload.common(&query);
    let bytes = serde_json::to_string(&common).map_or(usize::MAX / 2, |text| text.len());
    check_count(items.len(), bytes)?;
    let surroundings = Surroundings::new(&text, request, rules);
    let max = rules.options.max_event_bytes.saturating_sub(bytes);
    let event = |(position, item): (usize, &RawValue)| {
        let sent = read_item(item, position, max, &["name"])?;
        payload.event(sent, &common, position, item, &surroundings)
    };
    let Gathered { events, bad } = items.into_iter().enumerate().map(event).collect();
    Ok(Parsed { events, bad, answer: Answer::Empty })
}

impl Payload<'_> {
    /// What all events have: everything but the event itself.
    fn common(&self, query: &Params<'_>) -> Map<String, Value> {
        let mut common = Map::new();
        let client = [&self.client_id, &self.app_instance_id].into_iter().find(|id| !id.is_null());
        put(&mut common, "anonymousId", client.cloned());
        put(&mut common, "userId", Some(&self.user_id).filter(|id| !id.is_null()).cloned());
        put(&mut common, "channel", Some("server"));
        let mut context = Map::new();
        let mut ga = Map::new();
        put(&mut ga, "clientId", client.cloned());
        put(&mut ga, "measurementId", query.get("measurement_id"));
        put_object(&mut context, "ga", ga);
        put(&mut context, "userAgent", self.user_agent.as_str());
        put(&mut context, "ip", self.ip_override.as_str());
        let value = |property: &Value| Some(property.get("value")?.clone());
        let traits = self.user_properties.iter().filter_map(|(name, property)| Some((name.clone(), value(property)?)));
        put_object(&mut context, "traits", traits.collect());
        put_object(&mut context, "userData", self.user_data.clone());
        put_object(&mut context, "location", self.user_location.clone());
        put_object(&mut context, "device", self.device.clone());
        let decisions = self.consent.iter().filter_map(|(name, decision)| Some((name.clone(), given(decision)?)));
        let decisions: Map<String, Value> = decisions.collect();
        let mut consent = Map::new();
        put_object(&mut consent, "categoryPreferences", decisions);
        put_object(&mut context, "consent", consent);
        common.insert("context".to_owned(), Value::Object(context));
        common
    }

    fn event(
        &self,
        mut sent: Sent,
        common: &Map<String, Value>,
        position: usize,
        item: &RawValue,
        surroundings: &Surroundings<'_>,
    ) -> Result<Event, BadEvent> {
        let mut text = |name: &str| match sent.params.get(name) {
            Some(Value::String(_) | Value::Number(_)) => sent.params.remove(name).map(as_text),
            _ => None,
        };
        let [url, title, referrer, session] =
            ["page_location", "page_title", "page_referrer", "session_id"].map(&mut text);
        let page = page(url.as_deref(), title.as_deref(), referrer.as_deref());
        if let Some(Value::Array(items)) = sent.params.remove("items") {
            let product = |item| match item {
                Value::Object(item) => Value::Object(items::product(item)),
                other => other,
            };
            sent.params.insert("products".to_owned(), items.into_iter().map(product).collect());
        }
        let mut made = super::event(&sent.name, sent.params, &page);
        let time = [&sent.timestamp_micros, &self.timestamp_micros].into_iter().find_map(milliseconds);
        put(&mut made, "timestamp", time);
        made.extend(common.iter().map(|(name, value)| (name.clone(), value.clone())));
        if let Some(Value::Object(context)) = made.get_mut("context") {
            put_object(context, "page", page);
            if let Some(Value::Object(ga)) = context.get_mut("ga") {
                put(ga, "sessionId", session);
            }
        }
        finish(surroundings, &made, position, || as_it_came(item.get()))
    }
}

fn given(decision: &Value) -> Option<Value> {
    match decision.as_str()? {
        "GRANTED" => Some(Value::Bool(true)),
        "DENIED" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A time in microseconds since 1970, as a number or as text.
fn milliseconds(micros: &Value) -> Option<Value> {
    let micros = micros.as_i64().or_else(|| micros.as_str()?.parse().ok())?;
    Some(Value::from(micros as f64 / 1_000.0))
}
