#![allow(clippy::unwrap_used)]

use http::{HeaderMap, HeaderName, Method};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::links::{Known, Link, Who};
use super::*;
use crate::event::Event;
use crate::request::Request;
use crate::rules::Rules;
use crate::sources::Incoming;

/// 2026-11-21T10:00:00Z.
const NOW: i64 = 1_795_255_200;

fn rules(identity: Value) -> Rules {
    let mut identity = identity;
    identity["consent"] = json!(["analytics"]);
    let container = json!({"name": "shop", "collect": {"write_keys": ["k"]}, "identity": identity});
    Rules::compile(&serde_json::from_value(container).unwrap()).unwrap()
}

/// Passes events through one request.
fn pass(
    rules: &Rules,
    events: &[Value],
    headers: &[(&str, &str)],
    query: &str,
    known: Known,
) -> (Vec<Value>, Vec<String>, Vec<Link>) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    let incoming = Incoming {
        method: &Method::POST,
        path: "/v1/page",
        query: Some(query),
        headers: &map,
        body: b"",
        peer: None,
        received_at: Timestamp::from_second(NOW).unwrap(),
    };
    let kept = rules.asked().keep(&incoming);
    let mut visit = rules.identity().unwrap().visit(&incoming);
    let mut events: Vec<Event> = events.iter().map(|event| serde_json::from_value(event.clone()).unwrap()).collect();
    events.iter_mut().for_each(|event| visit.identify(event, &kept, || [7; 16]));
    let links = visit.link(&mut events, known);
    let events = events.iter().map(|event| Value::Object(event.fields())).collect();
    (events, visit.set_cookies(), links)
}

/// A page event of the visitor `a`, who agreed to `analytics`, with more of it.
fn page(more: Value) -> Value {
    let mut event = json!({
        "type": "page", "messageId": "m", "anonymousId": "a",
        "context": {"consent": {"categoryPreferences": {"analytics": true}}},
    });
    merge(&mut event, more);
    event
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                match value {
                    Value::Null => drop(into.remove(&key)),
                    value => merge(into.entry(key).or_insert(Value::Null), value),
                }
            }
        }
        (into, more) => *into = more,
    }
}

const BROWSER: (&str, &str) = ("sec-fetch-site", "same-site");
const NEW_ID: &str = "07070707-0707-4707-8707-070707070707";

#[test]
fn the_id_is_the_events_or_the_cookies() {
    let check = |prefer: &str, event: Value, cookie: &str, id: Value, from: Value, set: Option<&str>| {
        let rules = rules(json!({"id": {"prefer": prefer, "days": 2}}));
        let mut headers = vec![BROWSER];
        headers.extend(Some(("cookie", cookie)).filter(|_| !cookie.is_empty()));
        let (events, cookies, _) = pass(&rules, std::slice::from_ref(&event), &headers, "", Known::new());
        assert_eq!(
            (&events[0]["anonymousId"], &events[0]["context"]["identity"]["anonymousId"]),
            (&id, &from),
            "{event}"
        );
        let set = set.map(|id| format!("tagyard_id={id}; Path=/; Max-Age=172800; Secure; HttpOnly; SameSite=Lax"));
        assert_eq!(cookies, Vec::from_iter(set), "{prefer} {event} {cookie}");
    };
    check("event", page(json!({})), "", json!("a"), Value::Null, Some("a"));
    check("event", page(json!({})), "tagyard_id=b", json!("a"), Value::Null, Some("a"));
    check("cookie", page(json!({})), "tagyard_id=b", json!("b"), json!("cookie"), Some("b"));
    check("cookie", page(json!({})), "tagyard_id=a", json!("a"), Value::Null, Some("a"));
    check("cookie", page(json!({})), "other=b", json!("a"), Value::Null, Some("a"));
    // What cannot have been this host's.
    check("cookie", page(json!({})), "tagyard_id=%00", json!("a"), Value::Null, Some("a"));
    let known = || page(json!({"anonymousId": null, "userId": "u"}));
    check("event", known(), "tagyard_id=%7Bb%7D", json!("{b}"), json!("cookie"), Some("%7Bb%7D"));
    check("event", known(), "", json!(NEW_ID), json!("new"), Some(NEW_ID));
    // What no cookie can hold stays the event's.
    let long = "x".repeat(300);
    check("event", page(json!({"anonymousId": long})), "", json!(long), Value::Null, None);
}

#[test]
fn without_consent_no_cookie_is_read_or_set() {
    let rules = rules(json!({
        "id": {"prefer": "cookie"}, "vendors": {"names": ["google", "meta"], "consent": ["advertising"]}, "session": {},
    }));
    let cookie = "tagyard_id=b; tagyard_session=1.1795255100.4.1795255190; tagyard_clicks=1*gclid.1795255100000.G; _fbp=fb.1.2.3";
    let check = |events: &[Value], more: &[(&str, &str)], expected: &[&str], cookies: &[&str]| {
        let headers = [&[BROWSER, ("cookie", cookie)], more].concat();
        let (events, set, links) = pass(&rules, events, &headers, "", Known::new());
        let found: Vec<String> = events
            .iter()
            .map(|event| {
                let context = &event["context"];
                let found = [
                    &event["anonymousId"],
                    &context["session"]["number"],
                    &context["fbp"],
                    &context["clickIds"]["gclid"],
                ];
                found.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).join(" ")
            })
            .collect();
        assert_eq!(found, expected);
        let set: Vec<&str> = set.iter().map(|cookie| cookie.split(';').next().unwrap()).collect();
        assert_eq!(set, cookies);
        assert_eq!(links, []);
    };
    let prefer = |analytics: Value, advertising: Value| {
        page(
            json!({"context": {"consent": {"categoryPreferences": {"analytics": analytics, "advertising": advertising}}}}),
        )
    };
    let (id, session) = ("tagyard_id=b", "tagyard_session=1.1795255100.4.1795255200");
    let clicks = "tagyard_clicks=1*gclid.1795255100000.G*fbp.1795255200000.fb.1.2.3";
    check(&[prefer(json!(true), json!(true))], &[], &["b 4 fb.1.2.3 G"], &[id, clicks, session]);
    check(&[prefer(json!(true), Value::Null)], &[], &["b 4 null null"], &[id, session]);
    check(&[prefer(Value::Null, json!(true))], &[], &["a null fb.1.2.3 G"], &[clicks]);
    check(&[prefer(Value::Null, Value::Null)], &[], &["a null null null"], &[]);
    // One that objects is forgotten.
    check(
        &[prefer(json!(false), json!(true))],
        &[],
        &["a null fb.1.2.3 G"],
        &["tagyard_id=", clicks, "tagyard_session="],
    );
    let objects = [("sec-gpc", "1")];
    check(&[prefer(json!(true), json!(true))], &objects, &["b 4 null null"], &[id, "tagyard_clicks=", session]);
    // One cookie is set for all of a request's events, and each of them has its own say of its own.
    let both = [prefer(json!(true), json!(true)), prefer(Value::Null, json!(true))];
    check(&both, &[], &["b 4 fb.1.2.3 G", "a null fb.1.2.3 G"], &[clicks]);
}

#[test]
fn backends_have_no_cookies_and_no_visits() {
    let rules = rules(json!({"id": {}, "session": {}, "vendors": {"names": ["google"]}, "campaign": true}));
    let url = json!({"context": {"page": {"url": "https://shop.example/?gclid=G&utm_source=news"}}});
    let mut of_backend = page(json!({"channel": "server"}));
    merge(&mut of_backend, url.clone());
    for (event, headers) in [(of_backend, vec![BROWSER, ("cookie", "tagyard_id=b")]), (page(url), vec![])] {
        let (events, cookies, _) = pass(&rules, &[event], &headers, "", Known::new());
        assert_eq!((&events[0]["anonymousId"], &events[0]["context"]["session"]), (&json!("a"), &Value::Null));
        // What the event says itself is its own.
        assert_eq!(events[0]["context"]["clickIds"], json!({"gclid": "G"}));
        assert_eq!(events[0]["context"]["campaign"], json!({"source": "news"}));
        assert_eq!(cookies, Vec::<String>::new());
    }
}

#[test]
fn click_ids_and_cookies_go_where_tags_look() {
    let rules = rules(json!({"vendors": {
        "names": ["google", "meta", "microsoft", "snapchat", "tiktok", "x"], "click_ids": ["awc"], "measurement_id": "G-ABC123",
    }}));
    let check = |context: Value, cookie: &str, query: &str, expected: Value| {
        let event = page(json!({"context": context}));
        let headers = [BROWSER, ("cookie", cookie)];
        let (events, ..) = pass(&rules, std::slice::from_ref(&event), &headers, query, Known::new());
        let mut wanted = event;
        merge(&mut wanted, json!({"context": expected}));
        assert_eq!(events[0], wanted, "{cookie} {query}");
    };
    let url = |url: &str| json!({"page": {"url": url}});
    check(url("https://shop.example/"), "session=s3cret; _rdt_uuid=r", "", json!({}));
    check(
        url("https://shop.example/?gclid=a%20b&x=1&ScCid=s&twclid=t&awc=1_2&fbclid=Iw%20AR#gclid=no"),
        "",
        "",
        json!({
            "clickIds": {"gclid": "a b", "ScCid": "s", "twclid": "t", "awc": "1_2", "fbclid": "Iw%20AR"},
            "fbc": "fb.1.1795255200000.Iw%20AR",
        }),
    );
    check(
        json!({"page": {"search": "?wbraid=w"}}),
        "",
        "gbraid=g&sccid=no&wbraid=other",
        json!({"clickIds": {"wbraid": "w", "gbraid": "g"}}),
    );
    check(
        json!({}),
        "_ga=GA1.1.12.34; _ga_ABC123=GS2.1.s1763720000$o7$g1; _ga_OTHER=GS2.1.s1$o1; _fbp=fb.1.5.6; _fbc=fb.1.7.IwAR; _ttp=t; _uetmsclkid=_uetm",
        "",
        json!({
            "ga": {"clientId": "12.34", "sessionId": "1763720000", "sessionNumber": 7},
            "fbp": "fb.1.5.6", "fbc": "fb.1.7.IwAR", "ttp": "t", "clickIds": {"fbclid": "IwAR", "msclkid": "m"},
        }),
    );
    // The same click keeps its time, another one is another.
    check(
        url("https://shop.example/?fbclid=IwAR"),
        "_fbc=fb.1.7.IwAR",
        "",
        json!({"fbc": "fb.1.7.IwAR", "clickIds": {"fbclid": "IwAR"}}),
    );
    check(
        url("https://shop.example/?fbclid=IwAR"),
        "_fbc=fb.1.7.Iw; tagyard_clicks=1*fbc.1795255100000.fb.1.8.IwAR",
        "",
        json!({"fbc": "fb.1.8.IwAR", "clickIds": {"fbclid": "IwAR"}}),
    );
    // What the event says itself stays.
    check(
        json!({"fbc": "own", "ga": "own", "clickIds": {"gclid": "own"}, "page": {"url": "/?gclid=G&msclkid=M"}}),
        "_fbc=fb.1.7.IwAR; _ga=GA1.1.12.34",
        "",
        json!({"clickIds": {"msclkid": "M", "fbclid": "IwAR"}}),
    );
    let long = format!("https://shop.example/?gclid={}", "x".repeat(501));
    check(url(&long), "", "ttclid=%00", json!({}));
}

#[test]
fn a_later_page_has_the_click_of_an_earlier_one() {
    let rules = rules(json!({"vendors": {"names": ["google", "meta"], "days": 90}}));
    let url = "https://shop.example/?gclid=G&fbclid=F";
    let landing = page(json!({"context": {"page": {"url": url}}}));
    let (_, cookies, _) = pass(&rules, &[landing], &[BROWSER], "", Known::new());
    let cookie = cookies[0].split(';').next().unwrap();
    assert!(cookies[0].contains("; Max-Age=7776000; "), "{cookies:?}");
    let later = page(json!({"type": "track", "event": "Order Completed"}));
    let (events, ..) = pass(&rules, &[later], &[BROWSER, ("cookie", cookie)], "", Known::new());
    let context = &events[0]["context"];
    assert_eq!(context["clickIds"], json!({"gclid": "G", "fbclid": "F"}));
    assert_eq!(context["fbc"], "fb.1.1795255200000.F");
}

#[test]
fn campaigns_come_from_the_page() {
    let rules = rules(json!({"campaign": true}));
    let check = |event: Value, expected: Value| {
        let (events, ..) = pass(&rules, &[page(event)], &[BROWSER], "utm_source=request", Known::new());
        assert_eq!(events[0]["context"].get("campaign").cloned().unwrap_or_default(), expected);
    };
    let search = |search: &str| json!({"context": {"page": {"search": search}}});
    check(
        search("?utm_source=news&utm_campaign=May+Sale&utm_medium=e%2Dmail&utm_source=no"),
        json!({"source": "news", "name": "May Sale", "medium": "e-mail"}),
    );
    check(
        search("?utm_term=a&utm_content=b&utm_id=c&utm_x=d&utm_medium="),
        json!({"term": "a", "content": "b", "id": "c"}),
    );
    check(search(&format!("?utm_source={}", "x".repeat(501))), Value::Null);
    check(
        json!({"context": {"campaign": {"name": "own"}, "page": {"search": "?utm_source=news"}}}),
        json!({"name": "own"}),
    );
    check(json!({"context": {"campaign": {}, "page": {"search": "?utm_source=news"}}}), json!({"source": "news"}));
    // A page event may name its page among its properties.
    check(json!({"properties": {"url": "https://shop.example/?utm_source=news"}}), json!({"source": "news"}));
    check(json!({"type": "screen", "properties": {"url": "https://shop.example/?utm_source=news"}}), Value::Null);
}

#[test]
fn a_visit_is_the_sdks_or_the_hosts_own() {
    let rules = rules(json!({"session": {"minutes": 10}, "vendors": {"names": ["google"], "measurement_id": "G-A"}}));
    let check = |context: Value, headers: &[(&str, &str)], expected: Value, cookie: Option<&str>| {
        let (events, cookies, _) = pass(&rules, &[page(json!({"context": context}))], headers, "", Known::new());
        assert_eq!(events[0]["context"].get("session").cloned().unwrap_or_default(), expected);
        let set = cookies.iter().find(|set| set.starts_with("tagyard_session")).and_then(|set| set.split(';').next());
        assert_eq!(set.and_then(|set| set.strip_prefix("tagyard_session=")), cookie);
    };
    let start = "2026-11-21T10:00:00Z";
    let new = json!({"id": "1795255200", "number": 1, "start": start, "isNew": true});
    check(json!({}), &[BROWSER], new, Some("1.1795255200.1.1795255200"));
    check(
        json!({}),
        &[BROWSER, ("cookie", "tagyard_session=1.1795254000.3.1795254700")],
        json!({"id": "1795254000", "number": 3, "start": "2026-11-21T09:40:00Z"}),
        Some("1.1795254000.3.1795255200"),
    );
    check(
        json!({}),
        &[BROWSER, ("cookie", "tagyard_session=1.1795254000.3.1795254600")],
        json!({"id": "1795255200", "number": 4, "start": start, "isNew": true}),
        Some("1.1795255200.4.1795255200"),
    );
    let known = [BROWSER, ("cookie", "tagyard_session=1.1795254000.3.1795254700")];
    let same = Some("1.1795254000.3.1795254700");
    check(json!({"session": {"id": "own"}}), &known, json!({"id": "own"}), same);
    check(json!({"sessionId": 1795}), &known, json!({"id": "1795"}), same);
    check(json!({"ga": {"sessionId": "17", "sessionNumber": 2}}), &known, json!({"id": "17", "number": 2}), same);
    check(json!({"snowplow": {"sessionId": "s", "sessionIndex": 5}}), &known, json!({"id": "s", "number": 5}), same);
    check(json!({}), &[BROWSER, ("cookie", "_ga_A=GS1.1.17.4.1")], json!({"id": "17", "number": 4}), None);
    // Nobody's browser, and nothing is made up.
    check(json!({}), &[], Value::Null, None);
}

#[test]
fn cookies_say_whose_they_are() {
    let rules = rules(json!({"id": {"cookie": "fpid"}, "domain": "shop.example", "same_site": "none"}));
    let (_, cookies, _) = pass(&rules, &[page(json!({}))], &[BROWSER], "", Known::new());
    let expected = "fpid=a; Path=/; Max-Age=34560000; Secure; HttpOnly; SameSite=None; Domain=shop.example";
    assert_eq!(cookies, [expected]);
}

#[test]
fn events_of_linked_ids_have_both() {
    let rules = rules(json!({"links": {}}));
    let link = |anonymous: &str, user: &str| Link { anonymous_id: anonymous.to_owned(), user_id: user.to_owned() };
    let known = || {
        Known::from([(Who::Anonymous("a".to_owned()), "u".to_owned()), (Who::User("u".to_owned()), "a2".to_owned())])
    };
    let check = |events: &[Value], ids: &[(&str, &str, &str)], expected: &[Link]| {
        let (events, _, links) = pass(&rules, events, &[], "", known());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let found: Vec<_> = events
            .iter()
            .map(|event| {
                (
                    text(&event["anonymousId"]),
                    text(&event["userId"]),
                    event["context"].get("identity").map(Value::to_string).unwrap_or_default(),
                )
            })
            .collect();
        let wanted: Vec<_> =
            ids.iter().map(|(a, u, from)| ((*a).to_owned(), (*u).to_owned(), (*from).to_owned())).collect();
        assert_eq!(found, wanted);
        assert_eq!(links, expected);
    };
    let of_user = |user: &str| page(json!({"anonymousId": null, "userId": user}));
    let both = |anonymous: &str, user: &str| page(json!({"anonymousId": anonymous, "userId": user}));
    check(&[page(json!({}))], &[("a", "u", r#"{"userId":"link"}"#)], &[]);
    check(&[of_user("u")], &[("a2", "u", r#"{"anonymousId":"link"}"#)], &[]);
    check(&[of_user("other")], &[("", "other", "")], &[]);
    check(&[both("b", "v"), both("b", "v")], &[("b", "v", ""), ("b", "v", "")], &[link("b", "v")]);
    // Within one request, too: the last login wins.
    check(
        &[both("a", "v"), page(json!({})), of_user("v")],
        &[("a", "v", ""), ("a", "v", r#"{"userId":"link"}"#), ("a", "v", r#"{"anonymousId":"link"}"#)],
        &[link("a", "v")],
    );
    let alias = page(json!({"type": "alias", "userId": "u", "previousId": "old", "anonymousId": null}));
    check(&[alias], &[("old", "u", r#"{"anonymousId":"link"}"#)], &[link("old", "u")]);
    // Without consent nobody is linked, and no link is used.
    let silent = |event: Value| {
        let mut event = event;
        merge(&mut event, json!({"context": {"consent": null}}));
        event
    };
    check(&[silent(both("b", "v")), silent(page(json!({})))], &[("b", "v", ""), ("a", "", "")], &[]);
    check(&[both(&"x".repeat(300), "v"), both("v", "v")], &[(&"x".repeat(300), "v", ""), ("v", "v", "")], &[]);
}

#[test]
fn what_is_not_configured_changes_nothing() {
    let rules = rules(json!({}));
    let event = page(json!({"context": {"page": {"url": "https://shop.example/?gclid=G&utm_source=news"}}}));
    let headers = [BROWSER, ("cookie", "tagyard_id=b; _ga=GA1.1.12.34")];
    let (events, cookies, links) = pass(&rules, std::slice::from_ref(&event), &headers, "gclid=G", Known::new());
    assert_eq!((events, cookies, links), (vec![event], vec![], vec![]));
    let container = json!({"name": "shop", "collect": {"write_keys": ["k"]}});
    assert!(Identity::compile(&serde_json::from_value(container).unwrap()).unwrap().is_none());
    assert_eq!(rules.asked().keep(&incoming_nothing()), Request::default());
}

/// A request with cookies that nobody asked for.
fn incoming_nothing() -> Incoming<'static> {
    static HEADERS: std::sync::LazyLock<HeaderMap> =
        std::sync::LazyLock::new(|| HeaderMap::from_iter([(http::header::COOKIE, "tagyard_id=b".parse().unwrap())]));
    Incoming {
        method: &Method::POST,
        path: "/",
        query: None,
        headers: &HEADERS,
        body: b"",
        peer: None,
        received_at: Timestamp::UNIX_EPOCH,
    }
}
