//! Sources' parsers, by whole requests: `METHOD PATH?QUERY`, headers, an empty line, the body. The header `fuzz-gzip` has the
//! body compressed, which chance would never do.

use std::io::Write;
use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::container::model::{Collect, Container, HeaderSecret, Webhook};
use tagyard_pipeline::enrich::Enrichment;
use tagyard_pipeline::event::Event;
use tagyard_pipeline::identity::Identity;
use tagyard_pipeline::identity::links::{Known, Who};
use tagyard_pipeline::request::Request;
use tagyard_pipeline::sources::{self, Head, Incoming, MAX_BODY_BYTES, Rules};

/// Sends a request to the source of this name, or to whichever claims it.
pub(crate) fn check(data: &[u8], only: Option<&str>) -> Option<()> {
    let end = data.windows(2).position(|two| two == b"\n\n").unwrap_or(data.len());
    let mut body = data.get(end + 2..).unwrap_or_default().to_vec();
    let mut lines = std::str::from_utf8(&data[..end]).ok()?.lines();
    let (method, target) = lines.next()?.split_once(' ')?;
    let method = Method::from_bytes(method.as_bytes()).ok()?;
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut headers = HeaderMap::new();
    for line in lines.take(32) {
        let (name, value) = line.split_once(':')?;
        let value = HeaderValue::from_str(value.trim()).ok()?;
        headers.insert(HeaderName::from_bytes(name.as_bytes()).ok()?, value);
    }
    if headers.contains_key("fuzz-gzip") {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&body).expect("memory takes it");
        body = encoder.finish().expect("memory takes it");
        headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    }
    let rules = rules();
    let path = rules.path(path);
    let source = sources::find(&Head { method: &method, path, headers: &headers }, &rules)?;
    if only.is_some_and(|only| only != source.name()) {
        return None;
    }
    let incoming = Incoming {
        method: &method,
        path,
        query,
        headers: &headers,
        body: &body,
        peer: Some([203, 0, 113, 7].into()),
        received_at: "2026-11-21T10:00:00Z".parse().expect("a time"),
    };
    let is_found = source.keys(&incoming).iter().any(|key| rules.options.write_keys.contains(key));
    let mut parsed = match source.parse(&incoming, &rules) {
        Ok(parsed) => parsed,
        Err(refusal) => {
            assert!(refusal.status.is_client_error() && !refusal.code.is_empty() && refusal.message.len() < 4096);
            return None;
        }
    };
    // Among several containers, an event's is found by its key, but for webhooks that ask for a secret. An `aid` may be a number.
    assert!(is_found || parsed.events.is_empty() || ["webhook", "snowplow"].contains(&source.name()));
    let enrichment = Enrichment::default();
    {
        let facts = enrichment.of(&incoming, &enrichment.proxies().origin(incoming.peer, &headers));
        parsed.events.iter_mut().for_each(|event| drop(enrichment.enrich(event, &facts)));
    }
    identify(&incoming, &mut parsed.events);
    let mut bytes = 0;
    for event in parsed.events {
        assert!(!event.message_id().is_empty());
        assert_eq!(event.outline().to_map(), event.fields(), "tags see what serde_json reads");
        let accepted = Accepted::new(incoming.received_at, source.name(), Request::default(), event);
        let record = accepted.to_json();
        bytes += record.len();
        assert_eq!(Accepted::from_bytes(record.as_bytes()).as_ref(), Ok(&accepted), "it comes back as it was");
    }
    // Each event gains some hundred bytes of its surroundings; none of them is a multiple of what was sent.
    assert!(bytes <= 64 * MAX_BODY_BYTES, "{bytes}");
    Some(())
}

/// Everything of `[identity]`, with cookies as they may come.
fn identify(request: &Incoming<'_>, events: &mut [Event]) {
    static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
        let names = ["google", "linkedin", "meta", "microsoft", "pinterest", "reddit", "snapchat", "tiktok", "x"];
        let container = serde_json::json!({
            "name": "fuzz", "collect": {"write_keys": ["key"]}, "consent": {"analytics": {"default": "given"}},
            "identity": {
                "consent": ["analytics"], "campaign": true, "id": {"prefer": "cookie"}, "session": {}, "links": {},
                "vendors": {"names": names, "click_ids": ["awc"], "measurement_id": "G-ABC123"},
            },
        });
        let container: Container = serde_json::from_value(container).expect("a container");
        Identity::compile(&container).expect("identity").expect("some")
    });
    let mut visit = IDENTITY.visit(request);
    events.iter_mut().for_each(|event| visit.identify(event, &Request::default(), || [7; 16]));
    let known: Known = visit.questions(events).into_iter().map(|who: Who| (who, "other".to_owned())).collect();
    visit.link(events, known);
    for cookie in visit.set_cookies() {
        assert!(cookie.len() < 4096 && HeaderValue::from_str(&cookie).is_ok(), "{cookie}");
    }
}

/// Of a container that has everything which sources look at.
fn rules() -> Rules {
    let text = str::to_owned;
    let set = |fields: &[(&str, &str)]| fields.iter().map(|(path, source)| (text(path), text(source))).collect();
    let webhooks = vec![
        Webhook {
            path: text("/hooks/one"),
            when: Some(text("body.kind != 'test'")),
            set: set(&[
                ("event", "body.name"),
                ("userId", "body.user"),
                ("timestamp", "body.at"),
                ("properties", "body"),
                ("context.topic", "headers['x-topic']"),
            ]),
            ..Webhook::default()
        },
        Webhook {
            path: text("/hooks/many"),
            key: Some(HeaderSecret { header: text("X-Key"), env: text("KEY") }),
            each: Some(text("body.items")),
            set: set(&[
                ("type", "item.type"),
                ("event", "item.name"),
                ("anonymousId", "query.user"),
                ("properties.all", "body.items.map(i, i.name)"),
            ]),
            ..Webhook::default()
        },
        Webhook {
            path: text("/hooks/signed"),
            signature: Some(HeaderSecret { header: text("X-Signature"), env: text("KEY") }),
            set: set(&[("event", "'e'"), ("userId", "'u'")]),
            ..Webhook::default()
        },
    ];
    let collect = Collect {
        write_keys: ["key", "shop-web", "G-ABC123"].map(text).into(),
        origins: vec![text("https://shop.example")],
        max_event_bytes: 32 * 1024,
        prefix: Some(text("/metrics")),
        webhooks,
        ..Collect::default()
    };
    let mut rules = Rules::new(&collect, |_| Some(text("key"))).expect("rules");
    rules.finds_visitors = true;
    rules
}
