#![allow(clippy::unwrap_used)]

use http::{HeaderMap, HeaderName, Method};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::expression::Expression;

/// Knows one network.
#[derive(Debug)]
struct Database;

impl Locate for Database {
    fn locate(&self, ip: IpAddr) -> Option<Place> {
        match ip.to_string().as_str() {
            "192.0.2.7" => Place::new("US", Some("CA"), Some("Oakland")),
            "198.51.100.1" => Place::new("DE", None, None),
            _ => None,
        }
    }
}

struct Sent<'s> {
    /// What the container has besides.
    container: Value,
    peer: &'s str,
    headers: &'s [(&'s str, &'s str)],
}

impl Sent<'_> {
    fn enriched(&self, own: &Value) -> (Value, Value) {
        let mut container = json!({"name": "shop", "collect": {"write_keys": ["k"]}});
        container.as_object_mut().unwrap().extend(self.container.as_object().unwrap().clone());
        let container: model::Container = serde_json::from_value(container).unwrap();
        let mut asked = Asked::default();
        asked.add(Expression::compile("visitor.country == 'US'").unwrap().reads());
        let enrichment = Enrichment::compile(&container, &asked, Some(Arc::new(Database))).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        let origin = enrichment.proxies().origin(self.peer.parse().ok(), &headers);
        let incoming = Incoming {
            method: &Method::POST,
            path: "/v1/page",
            query: None,
            headers: &headers,
            body: b"",
            peer: origin.ip,
            received_at: Timestamp::UNIX_EPOCH,
        };
        let facts = enrichment.of(&incoming, &origin);
        let mut event = json!({"type": "page", "messageId": "m", "userId": "u"});
        event.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        let mut event: Event = serde_json::from_value(event).unwrap();
        let kept = enrichment.enrich(&mut event, &facts);
        (event.fields().get("context").cloned().unwrap_or_default(), Value::Object(kept.fields()))
    }
}

#[test]
fn fills_what_the_event_does_not_say() {
    let sent = Sent { container: json!({}), peer: "::ffff:192.0.2.7", headers: &[("user-agent", "Mozilla/5.0")] };
    let check = |own: Value, expected: Value| assert_eq!(sent.enriched(&own), (expected, json!({})), "{own}");
    let both = json!({"ip": "192.0.2.7", "userAgent": "Mozilla/5.0"});
    check(json!({}), both.clone());
    check(json!({"context": null}), both);
    check(
        json!({"context": {"ip": "198.51.100.1", "locale": "de"}}),
        json!({"ip": "198.51.100.1", "locale": "de", "userAgent": "Mozilla/5.0"}),
    );
    check(json!({"context": {"ip": "0.0.0.0"}}), json!({"ip": "0.0.0.0", "userAgent": "Mozilla/5.0"}));
    check(json!({"context": {"ip": null, "userAgent": ""}}), json!({"ip": null, "userAgent": ""}));
    let library = json!({"library": {"name": "analytics-python"}});
    check(json!({"context": library}), library);
    check(json!({"channel": "server"}), Value::Null);
}

#[test]
fn what_a_request_says_is_bounded() {
    let check = |peer: &str, user_agent: &str, expected: Value| {
        let sent = Sent { container: json!({}), peer, headers: &[("user-agent", user_agent)] };
        assert_eq!(sent.enriched(&json!({})).0, expected, "{peer} {user_agent}");
    };
    let long = "x".repeat(MAX_USER_AGENT_BYTES);
    check("2001:db8::1", &"x".repeat(5000), json!({"ip": "2001:db8::1", "userAgent": long}));
    check("", "", Value::Null);
}

#[test]
fn client_hints_are_kept_where_the_page_sent_none() {
    let sent = Sent {
        container: json!({}),
        peer: "",
        headers: &[("sec-ch-ua", "\"Chromium\";v=\"130\""), ("sec-ch-ua-mobile", "?1")],
    };
    let check = |own: Value, expected: Value| assert_eq!(sent.enriched(&own).0, expected, "{own}");
    let hints = json!({"userAgentData": {"brands": [{"brand": "Chromium", "version": "130"}], "mobile": true}});
    check(json!({}), hints);
    let own = json!({"userAgentData": {"platform": "Android"}});
    check(json!({"context": own}), own);
    check(json!({"channel": "server"}), Value::Null);
}

#[test]
fn the_place_is_the_one_of_whom_the_event_is_about() {
    let check = |own: Value, location: Value, place: Value| {
        let sent = Sent { container: json!({"geo": {"city": true}}), peer: "192.0.2.7", headers: &[] };
        let (context, kept) = sent.enriched(&own);
        assert_eq!((&context["location"], &kept["place"]), (&location, &place), "{own}");
    };
    let us = json!({"country": "US", "region": "US-CA", "city": "Oakland"});
    let de = json!({"country": "DE"});
    check(json!({}), us.clone(), us.clone());
    // No address is to be kept, but where the visitor is can be.
    check(json!({"context": {"ip": "0.0.0.0"}}), us.clone(), us.clone());
    check(json!({"context": {"ip": "198.51.100.1"}}), de.clone(), de.clone());
    check(json!({"context": {"ip": "203.0.113.1"}}), Value::Null, Value::Null);
    // A backend's own address says nothing of its customers.
    check(json!({"channel": "server"}), Value::Null, Value::Null);
    check(json!({"channel": "server", "context": {"ip": "198.51.100.1"}}), de.clone(), de);
    let own = json!({"country": "Austria"});
    check(json!({"context": {"location": own}}), own, us.clone());
    let near = json!({"latitude": 37.8, "country": "US", "region": "US-CA", "city": "Oakland"});
    check(json!({"context": {"location": {"latitude": 37.8}}}), near, us.clone());
    check(json!({"context": {"location": null}}), Value::Null, us);
}

#[test]
fn an_edge_is_believed_where_its_proxies_are_trusted() {
    let check = |peer: &str, geo: Value, headers: &[(&str, &str)], expected: Value| {
        let proxies = json!({"trusted": ["10.0.0.0/8"]});
        let container = json!({"collect": {"write_keys": ["k"], "proxies": proxies}, "geo": geo});
        let (context, _) = Sent { container, peer, headers }.enriched(&json!({}));
        assert_eq!(context.get("location").cloned().unwrap_or_default(), expected, "{peer} {headers:?}");
    };
    let cloudflare =
        [("cf-ipcountry", "FR"), ("cf-region-code", "75C"), ("cf-ipcity", "Paris"), ("x-forwarded-for", "192.0.2.7")];
    let paris = json!({"country": "FR", "region": "FR-75C"});
    let us = json!({"country": "US", "region": "US-CA"});
    check("10.0.0.1", json!({"edge": "cloudflare"}), &cloudflare, paris.clone());
    check("10.0.0.1", json!({"edge": "vercel"}), &cloudflare, us.clone());
    check("192.0.2.7", json!({"edge": "cloudflare"}), &cloudflare, us.clone());
    check("10.0.0.1", json!({"edge": "cloudflare"}), &[("cf-ipcountry", "XX"), ("x-forwarded-for", "192.0.2.7")], us);
    check("10.0.0.1", json!({"edge": "cloudflare"}), &[("cf-ipcountry", "T1")], Value::Null);
    let vercel = [("x-vercel-ip-country", "BR"), ("x-vercel-ip-city", "S%C3%A3o%20Paulo")];
    check("10.0.0.1", json!({"edge": "vercel", "city": true}), &vercel, json!({"country": "BR", "city": "São Paulo"}));
    let own = json!({"edge": {"country": "X-Country", "region": "X-Region"}});
    check("10.0.0.1", own, &[("x-country", "us"), ("x-region", "USTX")], json!({"country": "US", "region": "US-TX"}));
}
