//! Whole requests, as SDKs send them.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderName, Method};
use serde_json::{Value, json};

use crate::container::model::Collect;
use crate::sources::limits::{MAX_BATCH_EVENTS, MAX_BODY_BYTES};
use crate::sources::{Answer, Head, Incoming, Parsed, Refusal, Rules, find};

const RECEIVED_AT: &str = "2026-11-21T10:00:00.000Z";

fn ask(method: &Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Parsed, Refusal> {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect();
    let request = Incoming {
        method,
        path,
        query: None,
        headers: &headers,
        body,
        peer: None,
        received_at: RECEIVED_AT.parse().unwrap(),
    };
    let collect = Collect { write_keys: vec!["shop-web".to_owned()], max_event_bytes: 32 * 1024, ..Collect::default() };
    let rules = Rules { options: collect, ..Rules::default() };
    find(&Head { method, path, headers: &headers }, &rules).unwrap().parse(&request, &rules)
}

/// Posts with a known write key in the header.
fn post(path: &str, body: &str) -> Result<Parsed, Refusal> {
    ask(&Method::POST, path, &[("authorization", "Basic c2hvcC13ZWI6")], body.as_bytes())
}

fn refused(result: Result<Parsed, Refusal>) -> (u16, &'static str, String) {
    let refusal = result.unwrap_err();
    (refusal.status.as_u16(), refusal.code, refusal.message)
}

#[test]
fn takes_a_browser_s_event() {
    // As @segment/analytics-next 1.84 sends it: text/plain, the key in both places.
    let body = json!({
        "timestamp": "2026-11-21T08:00:00.000Z", "integrations": {}, "type": "track", "event": "Order Completed",
        "properties": {"revenue": 9.5}, "context": {"page": {"path": "/"}}, "messageId": "ajs-next-1",
        "anonymousId": "a", "userId": null, "writeKey": "shop-web", "sentAt": "2026-11-21T08:00:01.500Z",
        "_metadata": {"bundled": ["Segment.io"]},
    });
    let headers = [("content-type", "text/plain"), ("authorization", "Basic c2hvcC13ZWI6")];
    let parsed = ask(&Method::POST, "/v1/t", &headers, body.to_string().as_bytes()).unwrap();
    assert_eq!(parsed.answer, Answer::Success);
    assert_eq!(
        serde_json::to_value(&parsed.events).unwrap(),
        json!([{
            "timestamp": "2026-11-21T09:59:58.500Z", "originalTimestamp": "2026-11-21T08:00:00.000Z",
            "sentAt": "2026-11-21T08:00:01.500Z", "receivedAt": RECEIVED_AT, "integrations": {}, "type": "track",
            "event": "Order Completed", "properties": {"revenue": 9.5}, "context": {"page": {"path": "/"}},
            "messageId": "ajs-next-1", "anonymousId": "a",
        }])
    );
}

#[test]
fn takes_a_backend_s_gzipped_batch() {
    let body = json!({
        "writeKey": "shop-web", "sentAt": "2026-11-21T10:00:00Z", "context": {"library": {"name": "ours", "version": "1"}},
        "integrations": {"GA4": false},
        "batch": [
            {"type": "identify", "userId": "u", "messageId": "1", "context": {"library": {"name": "own"}}},
            {"type": "alias", "userId": 7, "previousId": "a", "messageId": "2", "integrations": {"GA4": true}},
        ],
    });
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body.to_string().as_bytes()).unwrap();
    let parsed = ask(&Method::POST, "/v1/import", &[("content-encoding", "gzip")], &encoder.finish().unwrap()).unwrap();
    let events = serde_json::to_value(&parsed.events).unwrap();
    assert_eq!(events[0]["context"], json!({"library": {"name": "own", "version": "1"}}));
    assert_eq!(events[0]["integrations"], json!({"GA4": false}));
    assert_eq!(events[1]["context"], json!({"library": {"name": "ours", "version": "1"}}));
    assert_eq!(events[1]["integrations"], json!({"GA4": true}));
    assert_eq!(events[1]["userId"], "7");
}

#[test]
fn a_key_may_stand_in_the_batch_s_events() {
    let batch = |key: &str| json!({"batch": [{"type": "page", "userId": "u", "writeKey": key}]}).to_string();
    assert!(ask(&Method::POST, "/v1/batch", &[], batch("shop-web").as_bytes()).is_ok());
    assert_eq!(refused(ask(&Method::POST, "/v1/batch", &[], batch("other").as_bytes())).1, "unknown_write_key");
}

#[test]
fn a_path_says_what_an_event_is() {
    for (path, extra) in [("/v1/page", json!({})), ("/v1/i", json!({})), ("/v1/group", json!({"groupId": "g"}))] {
        let mut body = json!({"userId": "u", "type": "track", "options": {"locale": "de"}});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let event = post(path, &body.to_string()).unwrap().events.remove(0);
        assert!(event.kind().name().starts_with(&path[4..5]), "{path}");
        assert_eq!(event.fields()["context"], json!({"locale": "de"}));
    }
}

#[test]
fn events_without_an_id_get_different_ones() {
    let body = json!({"batch": [{"type": "page", "userId": "u"}, {"type": "page", "userId": "u", "messageId": ""}]});
    let events = post("/v1/batch", &body.to_string()).unwrap().events;
    assert_ne!(events[0].message_id(), events[1].message_id());
    let again = post("/v1/batch", &body.to_string()).unwrap().events;
    assert_eq!(events, again);
}

#[test]
fn one_bad_event_costs_itself_only() {
    let long = format!(r#"{{"type":"track","messageId":"m","userId":"u","event":"{}"}}"#, "x".repeat(32 * 1024));
    let deep = format!(r#"{{"type":"page","userId":"u","properties":{{"a":{}{}}}}}"#, "[".repeat(500), "]".repeat(500));
    let check = |bad: &str, reason: &str, kept: Value| {
        let good = |id: &str| json!({"type": "page", "userId": "u", "messageId": id}).to_string();
        let body = format!(r#"{{"batch":[{},{bad},{}]}}"#, good("1"), good("2"));
        let parsed = post("/v1/batch", &body).unwrap();
        assert_eq!(parsed.events.iter().map(|event| event.message_id()).collect::<Vec<_>>(), ["1", "2"], "{bad}");
        assert_eq!(parsed.bad.len(), 1);
        assert_eq!((parsed.bad[0].position, &parsed.bad[0].event), (1, &kept));
        assert!(parsed.bad[0].reason.starts_with(reason), "{}", parsed.bad[0].reason);
    };
    check(r#"{"type":"buy","a":1}"#, "`type` is none of track", json!({"type": "buy", "a": 1}));
    check(
        r#"{"type":"page","userId":"u","context":7}"#,
        "`context` is not",
        json!({"type": "page", "userId": "u", "context": 7}),
    );
    check("[1]", "the event is not an object", json!([1]));
    check("null", "the event is not an object", Value::Null);
    let huge = r#"{"type":"page","name":1e999}"#;
    check(huge, "the event cannot be read: number out of range at line 1 column", json!(huge));
    let deeper = deep.replace(&"[".repeat(400), "").replace(&"]".repeat(400), "");
    check(&deeper, "`properties` is nested deeper than 64 levels", json!(deeper));
    check(&deep, "the event cannot be read: recursion limit exceeded at line 1 column", json!(deep));
    check(&long, "the event has 32824 bytes, the limit is 32768", json!({"messageId": "m", "type": "track"}));
}

#[test]
fn refuses_and_says_where() {
    let check = |path: &str, body: &str, status: u16, code: &str, message: &str| {
        let refusal = refused(post(path, body));
        assert_eq!((refusal.0, refusal.1), (status, code), "{body:.80}");
        assert!(refusal.2.starts_with(message), "{}", refusal.2);
        assert!(!refusal.2.contains("secret"), "{}", refusal.2);
    };
    check("/v1/track", "", 400, "invalid_json", "the body is not a JSON object");
    check("/v1/track", "[]", 400, "invalid_json", "the body is not a JSON object");
    check(
        "/v1/track",
        "{\n \"secret\" 1}",
        400,
        "invalid_json",
        "the body is not valid JSON: expected `:` at line 2 column 11",
    );
    check(
        "/v1/track",
        "{\"a\":\"secret",
        400,
        "invalid_json",
        "the body is not valid JSON: EOF while parsing a string at line 1",
    );
    check(
        "/v1/track",
        "{} secret",
        400,
        "invalid_json",
        "the body is not valid JSON: trailing characters at line 1 column 4",
    );
    check("/v1/track", r#"{"userId": "u"}"#, 400, "invalid_event", "`event` is missing or empty");
    check("/v1/batch", "{}", 400, "missing_batch", "`batch` is missing");
    check(
        "/v1/batch",
        r#"{"batch":"secret"}"#,
        400,
        "invalid_batch",
        "a member is given twice, or `batch` is not an array, at line 1 column 17",
    );
    check(
        "/v1/batch",
        r#"{"batch":[],"context":"secret"}"#,
        400,
        "invalid_batch",
        "the batch's `context` is not an object",
    );
    check("/v1/track", &format!("{{{}}}", " ".repeat(32 * 1024)), 413, "event_too_large", "the event has 32770 bytes");
    check("/v1/batch", &" ".repeat(MAX_BODY_BYTES + 1), 413, "body_too_large", "the body has more than 512000 bytes");
    let batch = |events: usize, common: usize| {
        format!(r#"{{"context":{{"a":"{}"}},"batch":[{}]}}"#, "x".repeat(common), vec!["{}"; events].join(","))
    };
    check("/v1/b", &batch(MAX_BATCH_EVENTS + 1, 0), 413, "too_many_events", "the batch has 2501 events");
    check("/v1/b", &batch(MAX_BATCH_EVENTS, 30_000), 413, "batch_too_large", "what the request says for all");
    assert_eq!(post("/v1/b", &batch(MAX_BATCH_EVENTS, 0)).unwrap().bad.len(), MAX_BATCH_EVENTS);
    let missing = refused(ask(&Method::POST, "/v1/track", &[], br#"{"event":"e","userId":"u"}"#));
    assert_eq!((missing.0, missing.1), (401, "unknown_write_key"));
}

#[test]
fn half_an_emoji_costs_nothing() {
    let event = r#"{"type":"page","userId":"u","name":"\ud83d"}"#;
    let batch = format!(r#"{{"batch":[{event}]}}"#);
    for (path, body) in [("/v1/page", event), ("/v1/batch", &batch)] {
        assert_eq!(post(path, body).unwrap().events[0].name(), Some("\u{fffd}"), "{path}");
    }
}

#[test]
fn what_the_batch_says_counts_for_each_event() {
    let body = json!({"context": {"a": "x".repeat(20_000)}, "batch": [
        {"type": "page", "userId": "u", "messageId": "1"},
        {"type": "page", "userId": "u", "messageId": "2", "name": "y".repeat(20_000)},
    ]});
    let parsed = post("/v1/batch", &body.to_string()).unwrap();
    assert_eq!((parsed.events.len(), parsed.bad[0].position), (1, 1));
    assert!(parsed.bad[0].reason.contains("with what the batch says for all"), "{}", parsed.bad[0].reason);
}

#[test]
fn metrics_are_dropped_and_settings_are_for_known_keys() {
    let parsed = ask(&Method::POST, "/v1/m", &[], br#"{"series":[]}"#).unwrap();
    assert_eq!((parsed.events.len(), parsed.answer), (0, Answer::Success));
    let Answer::Json(settings) = ask(&Method::GET, "/v1/projects/shop-web/settings", &[], b"").unwrap().answer else {
        panic!("settings");
    };
    assert_eq!(settings["integrations"]["Segment.io"]["apiKey"], "shop-web");
    assert_eq!(settings["metrics"]["sampleRate"], 0);
    assert_eq!(refused(ask(&Method::GET, "/v1/projects/other/settings", &[], b"")).0, 401);
    let head = Head { method: &Method::GET, path: "/v1/track", headers: &HeaderMap::new() };
    assert!(find(&head, &Rules::default()).is_none());
}
