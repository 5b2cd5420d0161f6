//! CloudEvents 1.0 over HTTP at `POST /cloudevents`: structured (`application/cloudevents+json`), batched
//! (`application/cloudevents-batch+json`) and binary (`ce-` headers, the data in the body).
//!
//! A backend sends them; its key stands in `X-Write-Key`, a bearer token, the user name of Basic authentication, or `?write_key=`.
//!
//! | attribute | becomes |
//! |---|---|
//! | `type` | the name of a track event |
//! | `data` | `properties`; data that is no object is `properties.data`, and base64 stays what it is in `properties.data_base64` |
//! | `time` | `timestamp` |
//! | `source` and `id`, which name an event together | `messageId`, a UUID of both |
//! | the extensions `userid`, `anonymousid`; or else the data's `userId`, `user_id`, `anonymousId`, `anonymous_id` | `userId`, `anonymousId` |
//! | `subject`, where none of these is there | `anonymousId` |
//! | all but `data` and `time` | `context.cloudevent` |

use std::borrow::Cow;

use http::{HeaderMap, Method, header};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::gather::{Gathered, as_it_came, check_count, check_single, finish, read_item};
use super::item::Surroundings;
use super::page::{put, put_object};
use super::query::Params;
use super::{Answer, BadEvent, Head, Incoming, Parsed, Refusal, Rules, Source, body, key, surrogate};
use crate::event::Event;

const PATH: &str = "/cloudevents";

/// The source `cloudevents`.
#[derive(Clone, Copy, Debug)]
pub(super) struct CloudEvents;

impl Source for CloudEvents {
    fn name(&self) -> &'static str {
        "cloudevents"
    }

    fn takes(&self) -> &'static str {
        "POST /cloudevents (CloudEvents)"
    }

    fn claims(&self, head: &Head<'_>, _: &Rules) -> bool {
        head.method == Method::POST && head.path == PATH
    }

    fn keys(&self, request: &Incoming<'_>) -> Vec<String> {
        let query = Params::parse(request.query.unwrap_or_default());
        key::of_backend(request.headers, &query).into_iter().map(Cow::into_owned).collect()
    }

    fn parse(&self, request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
        let query = Params::parse(request.query.unwrap_or_default());
        key::require(key::of_backend(request.headers, &query), &rules.options, key::OF_BACKEND)?;
        let text = body::text(request.headers, request.body)?;
        let surroundings = Surroundings::new(&text, request, rules);
        if is(request.headers, "application/cloudevents-batch") {
            return batch(&text, &surroundings, rules);
        }
        check_single(text.len(), rules.options.max_event_bytes)?;
        let attributes = match is(request.headers, "application/cloudevents") {
            true => object(&text)?,
            false => binary(request.headers, &text)?,
        };
        let event = event(attributes, 0, &surroundings, || Value::Null)
            .map_err(|bad| Refusal::bad_request("invalid_event", bad.reason))?;
        Ok(Parsed { events: vec![event], bad: Vec::new(), answer: Answer::Success })
    }
}

/// Whether the content type is this one, in JSON; its letters' case and its parameters do not count.
fn is(headers: &HeaderMap, wanted: &str) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = content_type.split(';').next().unwrap_or_default().trim();
    name.strip_suffix("+json").unwrap_or(name).eq_ignore_ascii_case(wanted)
}

fn batch(text: &str, surroundings: &Surroundings<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
        let place = format!("at line {} column {}", error.line(), error.column());
        Refusal::bad_request("invalid_json", format!("the body is not a JSON array of events, {place}"))
    })?;
    check_count(items.len(), 0)?;
    let one = |(position, item): (usize, &RawValue)| {
        let attributes = read_item(item, position, rules.options.max_event_bytes, &["id", "type"])?;
        event(attributes, position, surroundings, || as_it_came(item.get()))
    };
    let Gathered { events, bad } = items.into_iter().enumerate().map(one).collect();
    Ok(Parsed { events, bad, answer: Answer::Success })
}

/// The attributes that headers have, and the body as the data: JSON where the content type says so.
fn binary(headers: &HeaderMap, text: &str) -> Result<Map<String, Value>, Refusal> {
    let mut attributes = Map::new();
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix("ce-") {
            let value = value.to_str().unwrap_or_default();
            attributes.insert(name.to_owned(), Value::from(decoded(value)));
        }
    }
    if attributes.is_empty() {
        return Err(Refusal::bad_request(
            "no_cloudevent",
            "there is no CloudEvent: send `Content-Type: application/cloudevents+json`, or its attributes as `ce-` headers",
        ));
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_json = content_type.split(';').next().is_some_and(|name| {
        let name = name.trim();
        name.is_empty() || name.ends_with("/json") || name.ends_with("+json")
    });
    let data = match is_json && !text.is_empty() {
        true => surrogate::parse(text, |text| serde_json::from_str(text))
            .map_err(|error| Refusal::bad_request("invalid_json", format!("the body is not valid JSON: {error}")))?,
        false => Value::from(text),
    };
    put(&mut attributes, "data", Some(data).filter(|data| data != ""));
    Ok(attributes)
}

fn object(text: &str) -> Result<Map<String, Value>, Refusal> {
    surrogate::parse(text, |text| serde_json::from_str(text)).map_err(|error| {
        let place = format!("at line {} column {}", error.line(), error.column());
        Refusal::bad_request("invalid_json", format!("the body is not a JSON object, {place}"))
    })
}

fn event(
    mut attributes: Map<String, Value>,
    position: usize,
    surroundings: &Surroundings<'_>,
    original: impl Fn() -> Value,
) -> Result<Event, BadEvent> {
    let (data, time) = (attributes.remove("data"), attributes.remove("time"));
    let encoded = attributes.remove("data_base64");
    let text = |name: &str| attributes.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let bad = |reason: &str| BadEvent { position, reason: reason.to_owned(), event: original() };
    for (name, problem) in [
        ("type", "`type` is missing or empty"),
        ("source", "`source` is missing or empty"),
        ("id", "`id` is missing or empty"),
    ] {
        text(name).ok_or_else(|| bad(problem))?;
    }
    let mut properties = match data {
        Some(Value::Object(data)) => data,
        Some(Value::Null) | None => Map::new(),
        Some(other) => [("data".to_owned(), other)].into_iter().collect(),
    };
    put(&mut properties, "data_base64", encoded);
    let of_data =
        |names: [&str; 2]| names.iter().find_map(|name| properties.get(*name)).filter(|id| is_id(id)).cloned();
    let user = text("userid").map(Value::from).or_else(|| of_data(["userId", "user_id"]));
    let anonymous = text("anonymousid").map(Value::from).or_else(|| of_data(["anonymousId", "anonymous_id"]));
    let subject = text("subject").filter(|_| user.is_none()).map(Value::from);
    let mut event = Map::new();
    put(&mut event, "type", Some("track"));
    put(&mut event, "event", text("type"));
    put(&mut event, "messageId", Some(id(text("source").unwrap_or_default(), text("id").unwrap_or_default())));
    put(&mut event, "timestamp", time);
    put(&mut event, "anonymousId", anonymous.or(subject));
    put(&mut event, "userId", user);
    put(&mut event, "channel", Some("server"));
    event.insert("properties".to_owned(), Value::Object(properties));
    let mut context = Map::new();
    put_object(&mut context, "cloudevent", attributes);
    put_object(&mut event, "context", context);
    finish(surroundings, &event, position, original)
}

fn is_id(value: &Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| !text.is_empty())
}

/// A `messageId` that is as unique as the two are together, and of a form that vendors take.
fn id(source: &str, id: &str) -> String {
    let digest =
        Sha256::new().chain_update(source.len().to_be_bytes()).chain_update(source).chain_update(id).finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// A header's value: what is not printable ASCII is percent-encoded there.
fn decoded(value: &str) -> String {
    percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned()
}
