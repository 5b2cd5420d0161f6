//! Snowplow's tracker protocol: `POST /com.snowplowanalytics.snowplow/tp2` with many events, `GET /i` with one.
//!
//! The write key is the tracker's `aid`, its app id. How an event's parameters are mapped stands in [`event`]. A tracker
//! sends again what gets most 4xx, so that of a POST a bad event is set aside rather than refused.

mod event;
mod fields;
mod self_describing;

use std::borrow::Cow;

use http::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use self::fields::Fields;
use super::gather::{Gathered, check_count, check_length, check_single, finish, read_item};
use super::item::Surroundings;
use super::query::Params;
use super::{Answer, BadEvent, Head, Incoming, Parsed, Refusal, Rules, Source, body, key, segment};
use crate::event::Event;

const POST_PATH: &str = "/com.snowplowanalytics.snowplow/tp2";
const GET_PATH: &str = "/i";
const KEY_PLACE: &str = "give it to the tracker as its app id, which it sends as `aid`";

/// The source `snowplow`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Snowplow;

impl Source for Snowplow {
    fn name(&self) -> &'static str {
        "snowplow"
    }

    fn takes(&self) -> &'static str {
        "POST /com.snowplowanalytics.snowplow/tp2, GET /i (Snowplow)"
    }

    fn claims(&self, head: &Head<'_>, _: &Rules) -> bool {
        (head.method == Method::POST && head.path == POST_PATH) || (head.method == Method::GET && head.path == GET_PATH)
    }

    fn keys(&self, request: &Incoming<'_>) -> Vec<String> {
        if request.method == Method::GET {
            return Params::parse(request.query.unwrap_or_default())
                .get("aid")
                .map(str::to_owned)
                .into_iter()
                .collect();
        }
        let text = body::text(request.headers, request.body).unwrap_or_default();
        let payload: Payload<'_> = serde_json::from_str(&text).unwrap_or_default();
        let items = payload.data.unwrap_or_default();
        let mut keys: Vec<String> = items.iter().filter_map(|item| key::member(item.get(), "aid")).collect();
        // Mostly all are the same.
        keys.dedup();
        keys
    }

    fn parse(&self, request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
        if request.method == Method::POST { many(request, rules) } else { one(request, rules) }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload<'b> {
    #[serde(borrow)]
    data: Option<Vec<&'b RawValue>>,
}

fn many(request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
    let text = body::text(request.headers, request.body)?;
    let payload: Payload<'_> = segment::read(&text, serde_json::from_str)?;
    let items = payload
        .data
        .ok_or_else(|| Refusal::bad_request("missing_batch", "`data` is missing: it is the array of events"))?;
    check_count(items.len(), 0)?;
    let max = rules.options.max_event_bytes;
    let read: Vec<Result<Fields, BadEvent>> =
        items.iter().enumerate().map(|(position, item)| read_item(item, position, max, &["eid", "e", "aid"])).collect();
    let aid = |read: &'_ Result<Fields, BadEvent>| match read {
        Ok(fields) => fields.get("aid").map(str::to_owned),
        Err(bad) => bad.event.get("aid").and_then(Value::as_str).map(str::to_owned),
    };
    key::require(read.iter().filter_map(aid).map(Cow::Owned), &rules.options, KEY_PLACE)?;
    let surroundings = Surroundings::new(&text, request, rules);
    let event = |(position, read): (usize, Result<Fields, BadEvent>)| -> Result<Event, BadEvent> {
        let fields = read?;
        if !fields.get("aid").is_some_and(|aid| key::known(&rules.options, aid)) {
            let reason = "its `aid` is none of the container's `write_keys`".to_owned();
            return Err(BadEvent { position, reason, event: fields.to_value() });
        }
        check(&fields, position, &surroundings, max)
    };
    let Gathered { events, bad } = read.into_iter().enumerate().map(event).collect();
    Ok(Parsed { events, bad, answer: Answer::Text("ok") })
}

fn one(request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
    let query = request.query.unwrap_or_default();
    check_single(query.len(), rules.options.max_event_bytes)?;
    let fields = Fields::of(&Params::parse(query));
    key::require(fields.get("aid").map(Cow::Borrowed), &rules.options, KEY_PLACE)?;
    let surroundings = Surroundings::new(query, request, rules);
    let event = check(&fields, 0, &surroundings, rules.options.max_event_bytes)
        .map_err(|bad| Refusal::bad_request("invalid_event", bad.reason))?;
    Ok(Parsed { events: vec![event], bad: Vec::new(), answer: Answer::Pixel })
}

fn check(
    fields: &Fields,
    position: usize,
    surroundings: &Surroundings<'_>,
    max_event_bytes: usize,
) -> Result<Event, BadEvent> {
    let bad = |reason: String| BadEvent { position, reason, event: fields.to_value() };
    let made = event::of(fields).map_err(|error| bad(error.to_string()))?;
    let event = finish(surroundings, &made, position, || fields.to_value())?;
    // A page event says its page twice.
    check_length(event.object().text_len(), max_event_bytes.saturating_mul(2)).map_err(bad)?;
    Ok(event)
}
