//! Segment's HTTP API, as its SDKs use it: <https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/>.
//!
//! One event at `/v1/track` and its like, many at `/v1/batch` or `/v1/import`, the short paths of the browser SDK, and the
//! settings that SDKs fetch. Unlike Segment, which answers 200 to nearly everything and drops in silence, it says what is
//! wrong. SDKs drop what gets a 400, 401 or 413 and send again what gets a 5xx, so a refusal here is always final.

mod batch;
mod body;
mod id;
mod item;
mod key;
pub mod limits;
mod route;
mod settings;
mod surrogate;
#[cfg(test)]
mod tests;
mod time;

use http::{Method, StatusCode};

use self::batch::Batch;
use self::item::Surroundings;
use self::route::Route;
use super::{Answer, BadEvent, Incoming, Parsed, Refusal, Source};
use crate::container::model::Collect;
use crate::event::{Event, Kind};
use crate::object::Object;

/// The source `segment`.
#[derive(Clone, Copy, Debug)]
pub struct Segment;

impl Source for Segment {
    fn name(&self) -> &'static str {
        "segment"
    }

    fn claims(&self, method: &Method, path: &str) -> bool {
        Route::of(method, path).is_some()
    }

    fn parse(&self, request: &Incoming<'_>, collect: &Collect) -> Result<Parsed, Refusal> {
        match Route::of(request.method, request.path) {
            Some(Route::One(kind)) => one(request, collect, kind),
            Some(Route::Batch) => many(request, collect),
            // They carry no write key and are about the SDK, not about what a visitor did: taken, so that it does not
            // complain in the page's console, and dropped.
            Some(Route::Metrics) => Ok(accepted(Vec::new(), Vec::new())),
            Some(Route::Settings(key)) if key::known(collect, key) => Ok(Parsed {
                answer: Answer::Json(settings::settings(key, request.headers)),
                ..accepted(Vec::new(), Vec::new())
            }),
            Some(Route::Settings(_)) => {
                let message =
                    "the write key is none of this container's: compare it with `write_keys` under `[collect]`";
                Err(Refusal::new(StatusCode::UNAUTHORIZED, "unknown_write_key", message))
            }
            None => Err(Refusal::new(StatusCode::NOT_FOUND, "unknown_path", "there is nothing at this path")),
        }
    }
}

fn one(request: &Incoming<'_>, collect: &Collect, kind: Kind) -> Result<Parsed, Refusal> {
    let text = body::text(request.headers, request.body)?;
    if text.len() > collect.max_event_bytes {
        let message =
            format!("the event has {} bytes, the limit is {}: send less in it", text.len(), collect.max_event_bytes);
        return Err(too_large("event_too_large", message));
    }
    let object = read(&text, |text| surrogate::parse(text, Object::parse))?;
    key::check(request.headers, object.value("writeKey").as_ref(), collect)?;
    let surroundings = Surroundings { kind: Some(kind), ..Surroundings::new(&text, request.received_at) };
    let event = surroundings.event(object, 0).map_err(|error| bad_request("invalid_event", error.to_string()))?;
    Ok(accepted(vec![event], Vec::new()))
}

fn many(request: &Incoming<'_>, collect: &Collect) -> Result<Parsed, Refusal> {
    let text = body::text(request.headers, request.body)?;
    let batch: Batch<'_> = read(&text, serde_json::from_str)?;
    batch.check_key(request.headers, collect)?;
    let (events, bad) = batch.events(Surroundings::new(&text, request.received_at), collect.max_event_bytes)?;
    Ok(accepted(events, bad))
}

/// Reads the body's JSON object. What serde says about a wrong type repeats the value, so only where it is gets out.
fn read<'b, T>(text: &'b str, parse: impl FnOnce(&'b str) -> serde_json::Result<T>) -> Result<T, Refusal> {
    if !text.trim_ascii_start().starts_with('{') {
        return Err(bad_request("invalid_json", "the body is not a JSON object"));
    }
    parse(text).map_err(|error| {
        if error.is_data() {
            let place = format!("at line {} column {}", error.line(), error.column());
            return bad_request(
                "invalid_batch",
                format!("a member is given twice, or `batch` is not an array, {place}"),
            );
        }
        bad_request("invalid_json", format!("the body is not valid JSON: {error}"))
    })
}

fn accepted(events: Vec<Event>, bad: Vec<BadEvent>) -> Parsed {
    Parsed { events, bad, answer: Answer::Success }
}

fn bad_request(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code, message)
}

fn too_large(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, code, message)
}
