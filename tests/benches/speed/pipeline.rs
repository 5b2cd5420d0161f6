//! The pipeline alone: from a request's parts to what each of ten tags would be handed, without disk, sockets and guests.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header};
use jiff::Timestamp;
use tagyard::container;
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::plan::{Decision, Plan, Shared};
use tagyard_pipeline::sources::{self, Head, Incoming, Rules};

use crate::Row;
use crate::clock::{median, micros, thread_cpu};
use crate::event::order;

const ROUNDS: usize = 200;
const EVENTS: u32 = 100;

/// Of the ten tags, those that run for the order.
const RUNNING: usize = 4;

pub(crate) fn measure() -> Vec<Row> {
    let text = include_str!("pipeline.toml");
    let loaded =
        container::parse("pipeline.toml", text, Path::new(""), |_| Some("value".to_owned())).expect("a container");
    let shared = Shared::compile(&loaded.container).expect("rules");
    let enrichment = loaded.enrichment(&shared).expect("what enriches");
    let plan =
        |tag: &container::LoadedTag| Plan::compile(&tag.spec, shared.clone(), tag.grant.clone()).expect("a plan");
    let plans: Vec<Plan> = loaded.tags.iter().map(plan).collect();
    let rules = Rules::new(&loaded.container.collect, |_| None).expect("rules");

    let (mut event, _) = order();
    event.insert("writeKey".to_owned(), "shop-web".into());
    let body = serde_json::to_vec(&event).expect("JSON");
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ORIGIN, HeaderValue::from_static("https://shop.example"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("Mozilla/5.0 (X11; Linux x86_64; rv:145.0)"));
    headers.insert(header::COOKIE, HeaderValue::from_static("_ga=GA1.1.1406173215.1794302034; theme=dark"));
    let received_at = Timestamp::now();

    let collect = || -> Accepted {
        let head = Head { method: &Method::POST, path: rules.path("/v1/track"), headers: &headers };
        let source = sources::find(&head, &rules).expect("a source");
        let incoming = Incoming {
            method: &Method::POST,
            path: "/v1/track",
            query: None,
            headers: &headers,
            body: &body,
            peer: Some(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7))),
            received_at,
        };
        let mut parsed = source.parse(&incoming, &rules).expect("an event");
        let origin = enrichment.proxies().origin(incoming.peer, &headers);
        let facts = enrichment.of(&incoming, &origin);
        let mut event = parsed.events.pop().expect("an event");
        let kept = enrichment.enrich(&mut event, &facts);
        Accepted::new(received_at, source.name(), kept, event)
    };
    let decide = |accepted: &Accepted| {
        plans.iter().filter(|plan| matches!(black_box(plan.decide(accepted)), Decision::Run(_))).count()
    };

    let (mut whole, mut first) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        whole.push(timed(|| assert_eq!(decide(&collect()), RUNNING)));
        first.push(timed(|| drop(black_box(collect()))));
    }
    let of = |times: &[Duration]| median(times.iter().copied().map(micros).collect());
    let (whole, first) = (of(&whole), of(&first));
    vec![
        Row::new(
            "the pipeline alone, 10 tags and 20 triggers, from a request's parts to what each tag is handed: CPU time an event",
            "under 15 µs",
            format!("{whole:.1} µs ({:.0} events/s and core; {RUNNING} of the tags run)", 1e6 / whole),
        ),
        Row::new("of that, the source, enrichment and what is kept of the request", "", format!("{first:.1} µs")),
    ]
}

/// The CPU time of one event, the mean of many.
fn timed(mut event: impl FnMut()) -> Duration {
    let before = thread_cpu();
    for _ in 0..EVENTS {
        event();
    }
    (thread_cpu() - before) / EVENTS
}
