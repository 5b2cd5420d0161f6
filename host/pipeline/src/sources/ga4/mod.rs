//! Google Analytics 4: `/g/collect` as gtag.js sends it, and the Measurement Protocol at `POST /mp/collect`.
//!
//! The write key is the stream's measurement id: `tid`, or `measurement_id` (an app's `firebase_app_id`). Google's `api_secret` is
//! not asked for. Both answer 204 like Google, who says nothing about an event either, so that a bad event becomes a dead letter.
//!
//! Events get the names of the Segment spec, so that every tag knows them: [`names`] has the table. Our `ga4` tag maps the other
//! way; an event that came by here leaves by it as it came in.

mod collect;
mod context;
mod hit;
mod items;
mod mp;
mod names;

use http::Method;
use serde_json::{Map, Value};

use super::page::put;
use super::{Head, Incoming, Parsed, Refusal, Rules, Source};
use crate::event::Kind;

/// The source `ga4`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ga4;

const COLLECT: &str = "/g/collect";
const MEASUREMENT_PROTOCOL: &str = "/mp/collect";

impl Source for Ga4 {
    fn name(&self) -> &'static str {
        "ga4"
    }

    fn takes(&self) -> &'static str {
        "/g/collect, POST /mp/collect (GA4)"
    }

    fn claims(&self, head: &Head<'_>, _: &Rules) -> bool {
        match head.path {
            COLLECT => head.method == Method::POST || head.method == Method::GET,
            MEASUREMENT_PROTOCOL => head.method == Method::POST,
            _ => false,
        }
    }

    fn keys(&self, request: &Incoming<'_>) -> Vec<String> {
        if request.path == COLLECT { collect::keys(request) } else { mp::keys(request) }
    }

    fn parse(&self, request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
        if request.path == COLLECT { collect::parse(request, rules) } else { mp::parse(request, rules) }
    }
}

/// The event of a GA4 name and parameters, with `page` where it is about one.
fn event(name: &str, params: Map<String, Value>, page: &Map<String, Value>) -> Map<String, Value> {
    let named = names::of(name, params);
    let mut properties = named.properties;
    let mut event = Map::new();
    put(&mut event, "type", Some(named.kind.name()));
    match named.kind {
        Kind::Track => put(&mut event, "event", named.name),
        Kind::Group => put(&mut event, "groupId", named.name),
        Kind::Page => {
            for (name, value) in page {
                properties.entry(name.as_str()).or_insert_with(|| value.clone());
            }
        }
        Kind::Screen | Kind::Identify | Kind::Alias => put(&mut event, "name", named.name),
    }
    event.insert("properties".to_owned(), Value::Object(properties));
    event
}
