//! One event in the address of an image: `GET /v1/pixel/track?data=BASE64`, for mail and pages without scripts.
//!
//! `data` is the JSON of the event in base64, of either alphabet and with or without padding; its `writeKey` is in it.
//! What nobody can have an answer to, an image, is still answered with a status that says what is wrong.

use super::event;
use crate::event::Kind;
use crate::sources::gather::check_single;
use crate::sources::query::Params;
use crate::sources::{Answer, Incoming, Parsed, Refusal, Rules, base64, key};

pub(super) fn keys(request: &Incoming<'_>) -> Vec<String> {
    let params = Params::parse(request.query.unwrap_or_default());
    let json = params.get("data").and_then(base64::decode).and_then(|bytes| String::from_utf8(bytes).ok());
    key::of_event(request.headers, &json.unwrap_or_default())
}

pub(super) fn parse(request: &Incoming<'_>, rules: &Rules, kind: Kind) -> Result<Parsed, Refusal> {
    let query = request.query.unwrap_or_default();
    // Before it is decoded; base64 makes it a third longer.
    check_single(query.len() / 4 * 3, rules.options.max_event_bytes)?;
    let params = Params::parse(query);
    let data = params.get("data").ok_or_else(|| {
        Refusal::bad_request("missing_data", "`data` is missing in the query: it is the event's JSON in base64")
    })?;
    let json = base64::decode(data)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Refusal::bad_request("invalid_data", "`data` in the query is not the base64 of a text"))?;

    let event = event(request, rules, kind, &json, &[])?;
    Ok(Parsed { events: vec![event], bad: Vec::new(), answer: Answer::Pixel })
}
