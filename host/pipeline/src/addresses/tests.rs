#![allow(clippy::unwrap_used)]

use super::*;
use http::Method;
use serde_json::{Value, json};

fn collect(value: Value) -> Collect {
    serde_json::from_value(value).unwrap()
}

fn containers() -> Vec<Collect> {
    let hook = |path: &str| json!({"path": path, "key": {"header": "X-Key", "env": "KEY"}, "set": {}});
    vec![
        collect(
            json!({"write_keys": ["a", "G-A"], "hosts": ["a.example", "*.shop.example"], "webhook": [hook("/hooks/x")]}),
        ),
        collect(json!({"write_keys": ["b"], "prefix": "/b", "webhook": [hook("/hooks/x"), hook("/hooks/b")]})),
        collect(json!({"write_keys": ["c"], "hosts": ["*.eu.shop.example"]})),
        collect(json!({"write_keys": ["d"], "prefix": "/d/x", "webhook": [hook("/hooks/x")]})),
    ]
}

/// Whose a request is: by its head, or else by its body.
fn whose(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Result<usize, &'static str> {
    let (addresses, clashes) = Addresses::new(&containers());
    assert_eq!(clashes, []);
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let method: Method = method.parse().unwrap();
    let (peer, received_at) = (None, "2026-11-22T02:30:00Z".parse().unwrap());
    let request =
        Incoming { method: &method, path, query, headers: &headers, body: body.as_bytes(), peer, received_at };
    match addresses.of_head(&request) {
        Whose::Container(container) => Ok(container),
        Whose::Unclaimed => Err("unclaimed"),
        Whose::AskBody(source) => match addresses.of_body(source, &request) {
            Some(container) => Ok(container),
            None => match addresses.of_nobody(source, &request) {
                Ok(_) => Err("answered"),
                Err(refusal) => Err(refusal.code),
            },
        },
    }
}

#[test]
fn the_host_name_goes_before_the_key_and_the_key_before_the_body() {
    let check = |target: &str, headers: &[(&str, &str)], body: &str, expected: Result<usize, &'static str>| {
        assert_eq!(whose("POST", target, headers, body), expected, "{target} {headers:?} {body}");
    };
    let of = |key: &str| json!({"writeKey": key, "type": "page"}).to_string();
    check("/v1/page", &[("host", "a.example")], &of("b"), Ok(0));
    check("/v1/page", &[("host", "A.Example:8080")], "", Ok(0));
    check("/v1/page", &[("host", "a.example.")], "", Ok(0));
    check("/v1/page", &[("host", "x.y.shop.example")], "", Ok(0));
    check("/v1/page", &[("host", "x.eu.shop.example")], "", Ok(2));
    check("/v1/page", &[("host", "shop.example")], &of("b"), Ok(1));
    check("/v1/page", &[("host", "nota.example")], &of("b"), Ok(1));
    check("/v1/page", &[("host", "[::1]:80")], &of("b"), Ok(1));
    check("/v1/page", &[("authorization", "Basic Yjo=")], &of("c"), Ok(1));
    check("/v1/page", &[("authorization", "Basic c3RhZ2luZzo=")], &of("c"), Ok(2));
    check("/v1/page", &[], &of("elsewhere"), Err("unknown_write_key"));
    check("/v1/page", &[], "{}", Err("unknown_write_key"));
    check("/v1/page", &[], "{", Err("invalid_json"));
    check("/v1/m", &[], "{}", Err("answered"));
    check("/v1/nothing", &[], &of("b"), Err("unclaimed"));
}

#[test]
fn a_key_is_found_in_every_dialect_s_place() {
    let check = |method: &str, target: &str, headers: &[(&str, &str)], body: Value, expected: usize| {
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        assert_eq!(whose(method, target, headers, &body), Ok(expected), "{target}");
        // The same behind a prefix, which is taken off before anybody knows whose the request is.
        assert_eq!(whose(method, &format!("/d/x{target}"), headers, &body), Ok(expected), "{target}");
    };
    let none = || json!("");
    check("POST", "/v1/batch", &[], json!({"writeKey": "b", "batch": []}), 1);
    check("POST", "/v1/batch", &[], json!({"batch": [{"writeKey": "b"}, {"writeKey": "c"}]}), 1);
    // As an event is read: the last counts, whatever else is there.
    check(
        "POST",
        "/v1/page",
        &[],
        json!("{\"writeKey\": \"b\", \"batch\": 1, \"t\": \"\\ud83d\", \"writeKey\": \"c\"}"),
        2,
    );
    check("GET", "/v1/projects/c/settings", &[], none(), 2);
    check("GET", "/v1/pixel/track?data=eyJ3cml0ZUtleSI6ICJiIn0", &[], none(), 1);
    check("POST", "/beacon/v1/batch?writeKey=c", &[], json!({"batch": []}), 2);
    check("GET", "/sourceConfig?writeKey=b", &[], none(), 1);
    check("POST", "/v1/track", &[("anonymousid", "u")], json!({"writeKey": "d"}), 3);
    check("POST", "/g/collect?v=2&tid=G-A", &[], none(), 0);
    check("POST", "/g/collect", &[], json!("\nen=a&tid=G-A\nen=b"), 0);
    check("POST", "/mp/collect?measurement_id=G-A", &[], json!({}), 0);
    check("POST", "/mp/collect?firebase_app_id=b", &[], json!({}), 1);
    check("GET", "/i?e=pv&aid=c", &[], none(), 2);
    check(
        "POST",
        "/com.snowplowanalytics.snowplow/tp2",
        &[],
        json!({"data": [{"e": "pv"}, {"aid": "x"}, {"aid": "c"}]}),
        2,
    );
    check("POST", "/api/s/track", &[("x-write-key", "b:secret")], json!({}), 1);
    check("POST", "/api/s/s2s/track", &[("authorization", "Bearer c")], json!({}), 2);
    check("POST", "/cloudevents?write_key=d", &[], json!({}), 3);
    check("POST", "/cloudevents", &[("x-write-key", "d")], json!({}), 3);
}

#[test]
fn a_webhook_is_found_by_its_key_or_else_by_its_path() {
    let check = |target: &str, headers: &[(&str, &str)], expected: Result<usize, &'static str>| {
        assert_eq!(whose("POST", target, headers, "{}"), expected, "{target} {headers:?}");
    };
    check("/b/hooks/x", &[], Ok(1));
    check("/d/x/hooks/x", &[], Ok(3));
    check("/hooks/b", &[], Ok(1));
    // Two containers could be meant.
    check("/hooks/x", &[], Err("unclaimed"));
    check("/hooks/x?write_key=d", &[], Ok(3));
    check("/hooks/x", &[("host", "a.example")], Ok(0));
    check("/hooks/elsewhere", &[], Err("unclaimed"));
}

#[test]
fn what_two_containers_claim_is_told() {
    let hook = json!({"path": "/h", "signature": {"header": "X-S", "env": "S"}, "set": {}});
    let open = json!({"path": "/open", "set": {}});
    let one = json!({"write_keys": ["k", "k2"], "hosts": ["a.example", "*.a.example"]});
    let other = json!({"write_keys": ["K", "k2"], "hosts": ["a.example", "b.a.example"]});
    let (_, clashes) = Addresses::new(&[collect(one), collect(other)]);
    let told: Vec<String> = clashes.iter().map(|clash| clash.what.to_string()).collect();
    assert_eq!(told, ["the host name `a.example`", "the write key `k2`"]);
    assert!(clashes.iter().all(|clash| (clash.first, clash.second) == (0, 1)));

    let hooked = |key: &str| json!({"write_keys": [key], "webhook": [hook, open]});
    let (_, clashes) = Addresses::new(&[collect(hooked("a")), collect(hooked("b"))]);
    assert_eq!(clashes, [Clash { first: 0, second: 1, what: What::Webhook("/h".to_owned()) }]);
    let mut apart = hooked("b");
    apart["prefix"] = json!("/b");
    assert_eq!(Addresses::new(&[collect(hooked("a")), collect(apart)]).1, []);
    let mut apart = hooked("b");
    apart["hosts"] = json!(["b.example"]);
    assert_eq!(Addresses::new(&[collect(hooked("a")), collect(apart)]).1, []);
}

#[test]
fn host_names_are_as_requests_have_them() {
    let check = |pattern: &str, expected: Option<&str>| {
        let help = mended(pattern);
        assert_eq!(help.is_none(), expected.is_none(), "{pattern}: {help:?}");
        assert!(expected.is_none_or(|part| help.as_ref().is_some_and(|help| help.contains(part))), "{help:?}");
    };
    check("metrics.shop.example", None);
    check("*.shop.example", None);
    check("localhost", None);
    check("127.0.0.1", None);
    check("Metrics.Shop.example", Some("`metrics.shop.example`"));
    check("https://metrics.shop.example/", Some("`metrics.shop.example`"));
    check("metrics.shop.example:8080", Some("`metrics.shop.example`"));
    check("*.Shop.example", Some("`*.shop.example`"));
    check("käse.example", Some("`xn--kse-qla.example`"));
    check("shop.example.", Some("`shop.example`"));
    check("*", Some("all below it"));
    check("a.*.example", Some("all below it"));
    check("*.", Some("all below it"));
    check("", Some("all below it"));
}
