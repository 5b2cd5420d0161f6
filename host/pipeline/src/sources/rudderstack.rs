//! RudderStack's SDKs: Segment's dialect and paths, told by the header `AnonymousId` that the browser's and the mobile SDKs add;
//! `/beacon/v1/batch`, which a page sends as it closes, with the write key as `writeKey` in the query; and `/sourceConfig`, the
//! settings that SDKs fetch before they start. Backends' SDKs say nothing of RudderStack and are the source `segment`'s.
//!
//! To collect here, an SDK is given this collector both as its data plane and as its `configUrl`.

use http::Method;
use serde_json::{Value, json};

use super::query::Params;
use super::segment::{self, Segment};
use super::{Answer, Head, Incoming, Parsed, Refusal, Rules, Source, key};
use crate::event::Event;
use crate::object::Object;

/// The source `rudderstack`.
#[derive(Clone, Copy, Debug)]
pub(super) struct RudderStack;

impl Source for RudderStack {
    fn name(&self) -> &'static str {
        "rudderstack"
    }

    fn takes(&self) -> &'static str {
        "POST /beacon/v1/batch (RudderStack, beside Segment's paths)"
    }

    fn claims(&self, head: &Head<'_>, rules: &Rules) -> bool {
        match head.path {
            "/beacon/v1/batch" => head.method == Method::POST,
            "/sourceConfig" | "/sourceConfig/" => head.method == Method::GET,
            // What it fetches from there is Segment's affair.
            _ => head.method == Method::POST && head.headers.contains_key("anonymousid") && Segment.claims(head, rules),
        }
    }

    fn keys(&self, request: &Incoming<'_>) -> Vec<String> {
        let query = Params::parse(request.query.unwrap_or_default());
        let in_query = query.get("writeKey").map(str::to_owned);
        match request.path {
            "/beacon/v1/batch" | "/sourceConfig" | "/sourceConfig/" => {
                in_query.into_iter().chain(segment::keys_of_many(request)).collect()
            }
            _ => Segment.keys(request),
        }
    }

    fn parse(&self, request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
        let query = Params::parse(request.query.unwrap_or_default());
        let mut parsed = match request.path {
            "/beacon/v1/batch" => segment::many(request, rules, &query)?,
            "/sourceConfig" | "/sourceConfig/" => config(request, rules, &query)?,
            _ => Segment.parse(request, rules)?,
        };
        parsed.events.iter_mut().for_each(mend);
        Ok(parsed)
    }
}

/// What stands for a referrer where nothing referred to a visit, which no tag would take for none.
const DIRECT: &str = "$direct";

fn mend(event: &mut Event) {
    if !event.object().json("context").is_some_and(|context| context.contains(DIRECT)) {
        return;
    }
    let mut context = event.context();
    if let Some(page) = context.object("page") {
        context.set_object("page", &without_direct(page));
        event.set_context(&context);
    }
    if let Some(properties) = event.object().object("properties") {
        event.set_object("properties", &without_direct(properties));
    }
}

fn without_direct(mut page: Object) -> Object {
    for name in ["referrer", "initial_referrer"] {
        if page.string(name).as_deref() == Some(DIRECT) {
            page.set_string(name, "");
        }
    }
    page
}

/// As the control plane answers: the source is on, and its events go nowhere but here. Reports of the SDK's own errors, which
/// it would send elsewhere, are off.
fn config(request: &Incoming<'_>, rules: &Rules, query: &Params<'_>) -> Result<Parsed, Refusal> {
    let in_query = query.get("writeKey").map(Value::from);
    key::check(request.headers, in_query.iter(), &rules.options)?;
    let off = json!({"enabled": false});
    let answer = json!({
        "source": {
            "id": "tagyard", "name": "tagyard", "writeKey": in_query, "enabled": true, "workspaceId": "tagyard",
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "connections": [], "destinations": [], "dataplanes": {},
        },
        "updatedAt": "2026-01-01T00:00:00.000Z",
    });
    Ok(Parsed { events: Vec::new(), bad: Vec::new(), answer: Answer::Json(answer) })
}
