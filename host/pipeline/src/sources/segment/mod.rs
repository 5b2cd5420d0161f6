//! Segment's HTTP API, as its SDKs use it: <https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/>.
//!
//! One event at `/v1/track` and its like, many at `/v1/batch` or `/v1/import`, the short paths of the browser SDK, one event
//! as base64 in the address of an image at `/v1/pixel/track` and its like, and the settings that SDKs fetch. Unlike Segment, which answers 200 to nearly everything and drops in silence, it says what is
//! wrong. SDKs drop what gets a 400, 401 or 413 and send again what gets a 5xx, so a refusal here is always final.

mod batch;
mod pixel;
mod route;
mod settings;
#[cfg(test)]
mod tests;

use serde_json::Value;

use self::batch::Batch;
use self::route::Route;
use super::gather::check_single;
use super::item::Surroundings;
use super::query::Params;
use super::{Answer, BadEvent, Head, Incoming, Parsed, Refusal, Rules, Source, body, key, surrogate};
use crate::event::{Event, Kind};
use crate::object::Object;

/// The source `segment`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment;

impl Source for Segment {
    fn name(&self) -> &'static str {
        "segment"
    }

    fn takes(&self) -> &'static str {
        "POST /v1/track, /v1/batch and their like (Segment), GET /v1/pixel/track and its like"
    }

    fn claims(&self, head: &Head<'_>, _: &Rules) -> bool {
        Route::of(head.method, head.path).is_some()
    }

    fn keys(&self, request: &Incoming<'_>) -> Vec<String> {
        match Route::of(request.method, request.path) {
            Some(Route::One(_)) => keys_of_one(request),
            Some(Route::Batch) => keys_of_many(request),
            Some(Route::Pixel(_)) => pixel::keys(request),
            Some(Route::Settings(key)) => vec![key.to_owned()],
            Some(Route::Metrics) | None => Vec::new(),
        }
    }

    fn parse(&self, request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
        let collect = &rules.options;
        match Route::of(request.method, request.path) {
            Some(Route::One(kind)) => one(request, rules, kind, &[]),
            Some(Route::Batch) => many(request, rules, &Params::default()),
            Some(Route::Pixel(kind)) => pixel::parse(request, rules, kind),
            // They carry no write key and are about the SDK, not about what a visitor did: taken, so that it does not
            // complain in the page's console, and dropped.
            Some(Route::Metrics) => Ok(accepted(Vec::new(), Vec::new())),
            Some(Route::Settings(key)) if key::known(collect, key) => Ok(Parsed {
                answer: Answer::Json(settings::settings(key, request.headers, collect.prefix.as_deref())),
                ..accepted(Vec::new(), Vec::new())
            }),
            Some(Route::Settings(_)) => Err(key::unknown()),
            None => Err(Refusal::unknown_path()),
        }
    }
}

/// The keys of a request that is one event.
pub(super) fn keys_of_one(request: &Incoming<'_>) -> Vec<String> {
    let text = body::text(request.headers, request.body).unwrap_or_default();
    key::of_event(request.headers, &text)
}

/// The keys of a batch.
pub(super) fn keys_of_many(request: &Incoming<'_>) -> Vec<String> {
    let text = body::text(request.headers, request.body).unwrap_or_default();
    key::of_batch(request.headers, &text)
}

/// A request that is one event of this kind. A dialect that has its key elsewhere gives it in `keys`.
pub(super) fn one(request: &Incoming<'_>, rules: &Rules, kind: Kind, keys: &[Value]) -> Result<Parsed, Refusal> {
    let text = body::text(request.headers, request.body)?;
    let event = event(request, rules, kind, &text, keys)?;
    Ok(accepted(vec![event], Vec::new()))
}

/// The event that a JSON text is.
fn event(request: &Incoming<'_>, rules: &Rules, kind: Kind, text: &str, keys: &[Value]) -> Result<Event, Refusal> {
    check_single(text.len(), rules.options.max_event_bytes)?;
    let object = read(text, |text| surrogate::parse(text, Object::parse))?;
    key::check(request.headers, object.value("writeKey").iter().chain(keys), &rules.options)?;
    let surroundings = Surroundings { kind: Some(kind), ..Surroundings::new(text, request, rules) };
    surroundings.event(object, 0).map_err(|error| Refusal::bad_request("invalid_event", error.to_string()))
}

/// A request that is a batch. RudderStack's beacons have their key in the query.
pub(super) fn many(request: &Incoming<'_>, rules: &Rules, query: &Params<'_>) -> Result<Parsed, Refusal> {
    let text = body::text(request.headers, request.body)?;
    let batch: Batch<'_> = read(&text, serde_json::from_str)?;
    batch.check_key(request.headers, query, &rules.options)?;
    let surroundings = Surroundings::new(&text, request, rules);
    let (events, bad) = batch.events(surroundings, rules.options.max_event_bytes)?;
    Ok(accepted(events, bad))
}

/// Reads the body's JSON object. What serde says about a wrong type repeats the value, so only where it is gets out.
pub(super) fn read<'b, T>(text: &'b str, parse: impl FnOnce(&'b str) -> serde_json::Result<T>) -> Result<T, Refusal> {
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Refusal::bad_request("invalid_json", "the body is not a JSON object"));
    }
    parse(text).map_err(|error| {
        if error.is_data() {
            let place = format!("at line {} column {}", error.line(), error.column());
            return Refusal::bad_request(
                "invalid_batch",
                format!("a member is given twice, or `batch` is not an array, {place}"),
            );
        }
        Refusal::bad_request("invalid_json", format!("the body is not valid JSON: {error}"))
    })
}

fn accepted(events: Vec<Event>, bad: Vec<BadEvent>) -> Parsed {
    Parsed { events, bad, answer: Answer::Success }
}
