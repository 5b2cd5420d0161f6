//! Requests as SDKs send them, and what becomes of them: each file of `fixtures/`.
//!
//! Where `about` names an SDK and a version, the requests were recorded on a local port while that SDK ran.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, Method};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Head, Incoming, Parsed, Refusal, Rules, find};
use crate::container::model::Collect;

const RECEIVED_AT: &str = "2026-11-22T02:30:00.000Z";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    #[serde(rename = "about")]
    _about: String,
    /// More of the container's `[collect]`.
    #[serde(default)]
    collect: serde_json::Map<String, Value>,
    exchanges: Vec<Exchange>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    request: Request,
    source: String,
    status: u16,
    /// As text.
    answer: Option<String>,
    #[serde(default)]
    events: Vec<Value>,
    /// Reasons.
    #[serde(default)]
    bad: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    path: String,
    #[serde(default)]
    query: Option<String>,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    /// A body that is no text.
    #[serde(default)]
    body_base64: Option<String>,
}

pub(super) fn rules(collect: serde_json::Map<String, Value>) -> Rules {
    let mut options = json!({"write_keys": ["shop-web", "G-ABC123"]});
    options.as_object_mut().unwrap().extend(collect);
    let options: Collect = serde_json::from_value(options).unwrap();
    Rules::new(&options, |name| Some(format!("value-of-{name}"))).unwrap()
}

/// What a source makes of a request; `None` where none claims it.
fn ask(request: &Request, rules: &Rules) -> Option<(&'static str, Result<Parsed, Refusal>)> {
    let method: Method = request.method.parse().unwrap();
    let headers: HeaderMap = request
        .headers
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    let body = match &request.body_base64 {
        Some(encoded) => BASE64_STANDARD.decode(encoded).unwrap(),
        None => request.body.clone().into_bytes(),
    };
    let path = rules.path(&request.path);
    let source = find(&Head { method: &method, path, headers: &headers }, rules)?;
    let incoming = Incoming {
        method: &method,
        path,
        query: request.query.as_deref(),
        headers: &headers,
        body: &body,
        peer: None,
        received_at: RECEIVED_AT.parse().unwrap(),
    };
    let parsed = source.parse(&incoming, rules);
    // Where several containers share a collector, a request that one takes is found to be its.
    let is_found = source.keys(&incoming).iter().any(|key| super::key::known(&rules.options, key));
    let is_event = parsed.as_ref().is_ok_and(|parsed| !parsed.events.is_empty());
    assert!(is_found || !is_event || source.name() == "webhook", "{} {path}: its key is not found", request.method);
    Some((source.name(), parsed))
}

#[test]
fn every_sdk_s_requests_become_the_events_that_they_mean() {
    let mut checked = 0;
    for entry in fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/sources/fixtures")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let fixture: Fixture =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let rules = rules(fixture.collect);
        for exchange in &fixture.exchanges {
            let request = &exchange.request;
            let place = format!("{}: {} {}", path.display(), request.method, request.path);
            let (source, parsed) = ask(request, &rules).unwrap_or_else(|| panic!("{place} is unclaimed"));
            let parsed = parsed.unwrap_or_else(|refusal| panic!("{place}: {refusal}"));
            let content = parsed.answer.content();
            let answer = content.content_type.filter(|name| !name.starts_with("image/"));
            let answer = answer.map(|_| String::from_utf8(content.body.to_vec()).unwrap());
            let bad: Vec<String> = parsed.bad.into_iter().map(|bad| bad.reason).collect();
            let events = serde_json::to_value(&parsed.events).unwrap();
            assert_eq!(
                (source, content.status.as_u16(), &answer, &bad),
                (exchange.source.as_str(), exchange.status, &exchange.answer, &exchange.bad),
                "{place}"
            );
            assert_eq!(events, Value::from(exchange.events.clone()), "{place}: {events:#}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

/// A request of each dialect, with a key in its place and events in theirs.
struct Dialect {
    name: &'static str,
    /// Its query, headers and body, for a write key and an event's long property.
    request: fn(key: &str, text: &str) -> Request,
    /// Whether a bad event is set aside even if it is alone.
    is_list: bool,
}

fn request(method: &str, path: &str, query: Option<String>, headers: &[(&str, &str)], body: String) -> Request {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { method: method.to_owned(), path: path.to_owned(), query, headers, body, body_base64: None }
}

const DIALECTS: [Dialect; 11] = [
    Dialect {
        name: "segment",
        request: |key, text| {
            let event = json!({"userId": "u", "event": "e", "writeKey": key, "properties": {"a": text}});
            request("POST", "/v1/track", None, &[], event.to_string())
        },
        is_list: false,
    },
    Dialect {
        name: "segment",
        request: |key, text| {
            let event = json!({"userId": "u", "event": "e", "writeKey": key, "properties": {"a": text}}).to_string();
            let query = format!("data={}", base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(event));
            request("GET", "/v1/pixel/track", Some(query), &[], String::new())
        },
        is_list: false,
    },
    Dialect {
        name: "rudderstack",
        request: |key, text| {
            let event = json!({"userId": "u", "type": "track", "event": "e", "properties": {"a": text}});
            let query = Some(format!("writeKey={key}"));
            request("POST", "/beacon/v1/batch", query, &[], json!({"batch": [event]}).to_string())
        },
        is_list: true,
    },
    Dialect {
        name: "ga4",
        request: |key, text| {
            let query = Some(format!("v=2&tid={key}&cid=1.2&en=click&ep.a={text}"));
            request("POST", "/g/collect", query, &[], String::new())
        },
        is_list: true,
    },
    Dialect {
        name: "ga4",
        request: |key, text| {
            let query = Some(format!("v=2&tid={key}&cid=1.2"));
            request("POST", "/g/collect", query, &[], format!("en=click&ep.a={text}"))
        },
        is_list: true,
    },
    Dialect {
        name: "ga4",
        request: |key, text| {
            let body = json!({"client_id": "1.2", "events": [{"name": "click", "params": {"a": text}}]});
            request("POST", "/mp/collect", Some(format!("measurement_id={key}")), &[], body.to_string())
        },
        is_list: true,
    },
    Dialect {
        name: "snowplow",
        request: |key, text| {
            let body = json!({"data": [{"e": "se", "se_ac": "e", "se_la": text, "aid": key, "uid": "u"}]});
            request("POST", "/com.snowplowanalytics.snowplow/tp2", None, &[], body.to_string())
        },
        is_list: true,
    },
    Dialect {
        name: "snowplow",
        request: |key, text| {
            request("GET", "/i", Some(format!("e=se&se_ac=e&se_la={text}&aid={key}&uid=u")), &[], String::new())
        },
        is_list: false,
    },
    Dialect {
        name: "jitsu",
        request: |key, text| {
            let event = json!({"userId": "u", "event": "e", "properties": {"a": text}});
            request("POST", "/api/s/track", None, &[("x-write-key", key)], event.to_string())
        },
        is_list: false,
    },
    Dialect {
        name: "cloudevents",
        request: |key, text| {
            let event = json!({"id": "1", "source": "/s", "type": "e", "userid": "u", "data": {"a": text}});
            let headers = [("content-type", "application/cloudevents+json"), ("x-write-key", key)];
            request("POST", "/cloudevents", None, &headers, event.to_string())
        },
        is_list: false,
    },
    Dialect {
        name: "webhook",
        request: |key, text| {
            let body = json!({"user": "u", "text": text});
            request("POST", "/hooks/any", Some(format!("write_key={key}")), &[], body.to_string())
        },
        is_list: true,
    },
];

fn hook() -> Rules {
    let set = json!({"event": "'e'", "userId": "body.user", "properties.a": "body.text"});
    rules(json!({"webhook": [{"path": "/hooks/any", "set": set}]}).as_object().unwrap().clone())
}

#[test]
fn every_dialect_asks_for_a_key_that_the_container_lists() {
    let rules = hook();
    for dialect in DIALECTS {
        let verdict = |key: &str| {
            let (source, parsed) = ask(&(dialect.request)(key, "x"), &rules).unwrap();
            assert_eq!(source, dialect.name);
            parsed
                .map(|parsed| (parsed.events.len(), parsed.bad.len()))
                .map_err(|refusal| (refusal.status.as_u16(), refusal.message))
        };
        assert_eq!(verdict("shop-web"), Ok((1, 0)), "{}", dialect.name);
        let (status, message) = verdict("elsewhere").unwrap_err();
        assert_eq!(status, 401, "{}", dialect.name);
        assert!(message.contains("none of this container's") && !message.contains("elsewhere"), "{message}");
        let (status, message) = verdict("").unwrap_err();
        assert_eq!(status, 401, "{}: {message}", dialect.name);
    }
}

#[test]
fn every_dialect_keeps_the_length_of_an_event() {
    let rules = hook();
    for dialect in DIALECTS {
        let verdict = |length: usize| ask(&(dialect.request)("shop-web", &"x".repeat(length)), &rules).unwrap().1;
        assert_eq!(verdict(30_000).unwrap().events.len(), 1, "{}", dialect.name);
        let long = verdict(32 * 1024);
        if dialect.is_list {
            let parsed = long.unwrap();
            assert_eq!((parsed.events.len(), parsed.bad.len()), (0, 1), "{}", dialect.name);
            assert!(parsed.bad[0].reason.contains("the limit is"), "{}", parsed.bad[0].reason);
            assert!(parsed.bad[0].event.to_string().len() < 1024, "{}", dialect.name);
        } else {
            assert_eq!(long.unwrap_err().code, "event_too_large", "{}", dialect.name);
        }
    }
}

#[test]
fn what_cannot_be_taken_at_all_is_refused_with_a_reason() {
    let set = json!({"event": "item.name", "userId": "'u'", "properties.all": "body"});
    let hooks = json!([
        {"path": "/hooks/key", "key": {"header": "X-Key", "env": "KEY"}, "set": set},
        {"path": "/hooks/signed", "signature": {"header": "X-Signature", "env": "KEY"}, "set": set},
        {"path": "/hooks/each", "each": "body.items", "set": set},
    ]);
    let mut hooks = hooks;
    for hook in hooks.as_array_mut().unwrap().iter_mut().take(2) {
        hook["set"] = json!({"event": "'e'", "userId": "'u'"});
    }
    let rules = rules(json!({"webhook": hooks}).as_object().unwrap().clone());
    let check =
        |method: &str, target: &str, headers: &[(&str, &str)], body: String, status: u16, code: &str, part: &str| {
            let (path, query) =
                target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query.to_owned())));
            let refusal = ask(&request(method, path, query, headers, body), &rules).unwrap().1.unwrap_err();
            assert_eq!((refusal.status.as_u16(), refusal.code), (status, code), "{target}: {refusal}");
            assert!(refusal.message.contains(part), "{target}: {refusal}");
            assert!(!refusal.message.contains("value-of"), "{refusal}");
        };
    let tp2 = "/com.snowplowanalytics.snowplow/tp2";
    let lines = |count: usize| vec!["en=a"; count].join("\n");
    let none = String::new;
    check("GET", "/v1/pixel/track", &[], none(), 400, "missing_data", "`data`");
    check("GET", "/v1/pixel/track?data=!!!", &[], none(), 400, "invalid_data", "base64");
    check("POST", "/g/collect?tid=G-ABC123", &[], lines(2_501), 413, "too_many_events", "2501");
    let query = format!("/g/collect?tid=G-ABC123&dl={}", "x".repeat(20_000));
    check("POST", &query, &[], lines(300), 413, "batch_too_large", "in common");
    check("POST", "/mp/collect?measurement_id=G-ABC123", &[], "{}".into(), 400, "missing_batch", "`events`");
    check("POST", "/mp/collect?measurement_id=G-ABC123", &[], "[]".into(), 400, "invalid_json", "not a JSON object");
    check("POST", tp2, &[], "{}".into(), 400, "missing_batch", "`data`");
    check("POST", tp2, &[], json!({"data": vec![json!({}); 2_501]}).to_string(), 413, "too_many_events", "2501");
    check("GET", "/i?aid=shop-web&e=zz", &[], none(), 400, "invalid_event", "`e` is none of");
    check("GET", "/i?aid=shop-web&e=ue&uid=u", &[], none(), 400, "invalid_event", "`ue_pr` and `ue_px`");
    check("GET", "/i?aid=shop-web&e=ue&uid=u&ue_px=e30", &[], none(), 400, "invalid_event", "self-describing");
    check("GET", "/i?aid=shop-web&e=pv&uid=u&cx=%21", &[], none(), 400, "invalid_event", "`cx`");
    check("POST", "/cloudevents?write_key=shop-web", &[], "{}".into(), 400, "no_cloudevent", "`ce-` headers");
    let structured = ("content-type", "application/cloudevents+json");
    check("POST", "/cloudevents?write_key=shop-web", &[structured], "[".into(), 400, "invalid_json", "line 1");
    check("POST", "/cloudevents?write_key=shop-web", &[structured], "{}".into(), 400, "invalid_event", "`type`");
    check("POST", "/hooks/key", &[], "{}".into(), 401, "unknown_sender", "`x-key` is missing");
    check("POST", "/hooks/key", &[("x-key", "no")], "{}".into(), 401, "unknown_sender", "`x-key` is not");
    check("POST", "/hooks/key?write_key=shop-web", &[], "{}".into(), 401, "unknown_sender", "`x-key` is missing");
    check("POST", "/hooks/signed", &[("x-signature", "00")], "{}".into(), 401, "unknown_sender", "HMAC-SHA256");
    check("POST", "/hooks/each?write_key=shop-web", &[], "{".into(), 400, "invalid_json", "nor said to be a form");
    check("POST", "/hooks/each?write_key=shop-web", &[], r#"{"items": 1}"#.into(), 400, "no_list", "`each`");
    let items = json!({"items": vec![json!({"name": "e"}); 1_000], "text": "x".repeat(10_000)});
    check("POST", "/hooks/each?write_key=shop-web", &[], items.to_string(), 413, "batch_too_large", "bytes of events");
    let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
    check("POST", "/hooks/each?write_key=shop-web", &[], deep, 400, "too_deep", "64 levels");
}

#[test]
fn an_event_of_another_tracker_has_to_name_a_known_key_too() {
    let event = |aid: &str| json!({"e": "pp", "uid": "u", "aid": aid});
    let body = json!({"data": [event("shop-web"), event("elsewhere"), {"e": "pp", "uid": "u"}, 7]});
    let request = request("POST", "/com.snowplowanalytics.snowplow/tp2", None, &[], body.to_string());
    let parsed = ask(&request, &hook()).unwrap().1.unwrap();
    assert_eq!(parsed.events.len(), 1);
    let reasons: Vec<&str> = parsed.bad.iter().map(|bad| bad.reason.as_str()).collect();
    assert_eq!(parsed.bad.iter().map(|bad| bad.position).collect::<Vec<_>>(), [1, 2, 3], "{reasons:?}");
    assert!(reasons[0].starts_with("its `aid` is none of") && reasons[2].contains("another type"), "{reasons:?}");
}

#[test]
fn a_webhooks_expressions_are_bounded_by_steps() {
    let body = |items: usize| json!({"items": vec![1; items], "known": vec![2; 100_000]}).to_string();
    let check = |webhook: Value, body: String, is_too_much: bool| {
        let mut hook = json!({"path": "/hooks/x", "set": {"event": "'e'", "userId": "'u'"}});
        hook.as_object_mut().unwrap().extend(webhook.as_object().unwrap().clone());
        let rules = rules(json!({"webhook": [hook]}).as_object().unwrap().clone());
        let request = request("POST", "/hooks/x", Some("write_key=shop-web".to_owned()), &[], body);
        let parsed = ask(&request, &rules).unwrap().1;
        let code = parsed.map(|parsed| parsed.events.len()).map_err(|refusal| (refusal.status.as_u16(), refusal.code));
        assert_eq!(code.is_err(), is_too_much, "{webhook}");
        assert!(code.is_ok() || code == Err((413, "too_many_steps")), "{webhook}: {code:?}");
    };
    let each = |more: Value| {
        let mut webhook = json!({"each": "body.items"});
        webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        webhook
    };
    check(json!({"when": "body.known.all(x, x == 2)"}), body(1), false);
    check(each(json!({"when": "item == 2 || item in [1.0]"})), body(2_000), false);
    // A loop over the body for each item; then loops within loops: minutes and hours without a bound.
    check(each(json!({"when": "item in body.known"})), body(2_000), true);
    check(each(json!({"when": "body.known.exists(x, x == item)"})), body(2_000), true);
    check(each(json!({"set": {"event": "'e'", "userId": "'u'", "properties.all": "body"}})), body(2_000), true);
    check(json!({"when": "body.known.all(x, !body.known.exists(y, y != x))"}), body(1), true);
    check(json!({"each": "body.known.map(x, body.known)"}), body(1), true);
}

#[test]
fn what_no_source_takes_is_unclaimed() {
    for (method, path) in [
        ("GET", "/v1/track"),
        ("GET", "/mp/collect"),
        ("PUT", "/g/collect"),
        ("POST", "/i"),
        ("GET", "/com.snowplowanalytics.snowplow/tp2"),
        ("POST", "/api/s/buy"),
        ("GET", "/hooks/any"),
        ("POST", "/hooks/other"),
        ("POST", "/"),
    ] {
        assert!(ask(&request(method, path, None, &[], String::new()), &hook()).is_none(), "{method} {path}");
    }
    assert!(
        super::offers().contains("POST /v1/track") && super::offers().contains("/g/collect"),
        "{}",
        super::offers()
    );
}
