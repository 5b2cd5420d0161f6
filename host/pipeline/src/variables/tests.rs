//! Variables over one event and its request.
#![allow(clippy::panic, clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;
use crate::accepted::Accepted;
use crate::container::model::Container;
use crate::expression::Expression;
use crate::request::Request;
use crate::rules::{Memo, Rules, Scope};

fn container(vars: Value) -> Container {
    serde_json::from_value(json!({"name": "shop", "collect": {"write_keys": ["k"]}, "vars": vars})).unwrap()
}

fn accepted(message_id: &str) -> Accepted {
    let event = json!({
        "type": "track", "event": "Order Completed", "messageId": message_id, "userId": "u",
        "context": {
            "page": {"url": "https://Shop.example:8443/p/Mug?gclid=a%20b&x=1&x=2#top", "path": "/p/Mug"},
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
        },
        "properties": {"total": "29.90", "code": 7, "empty": "", "nothing": null, "is_new": true},
    });
    let request = Request::from_json(
        r#"{"headers":{"user-agent":"curl/8"},"cookies":{"theme":"dark"},"query":{"gclid":"g-1"},"ip":"192.0.2.7","path":"/v1/t"}"#,
    );
    Accepted::new("2026-11-21T10:00:00Z".parse().unwrap(), "segment", request, serde_json::from_value(event).unwrap())
}

/// What `vars.it` is, beside others.
fn value(mut vars: Value, it: Value) -> Option<Value> {
    vars["it"] = it;
    let rules = Rules::compile(&container(vars)).unwrap();
    let (accepted, spare) = (accepted("m-1"), Memo::default());
    let scope = Scope::new(&rules, &accepted, &spare);
    Expression::compile("vars.it").unwrap().value(&scope.view()).ok()
}

#[test]
fn come_from_event_request_and_others() {
    let check =
        |it: Value, expected: Value| assert_eq!(value(json!({}), it.clone()).unwrap_or_default(), expected, "{it}");
    check(json!("event.properties.code"), json!(7));
    check(json!("event.properties.missing"), Value::Null);
    check(json!("'G-1'"), json!("G-1"));
    check(json!("request.headers['user-agent']"), json!("curl/8"));
    check(json!("request.cookies.theme"), json!("dark"));
    check(json!("request.cookies.other"), Value::Null);
    check(json!("request.query.gclid"), json!("g-1"));
    check(json!("request.path + request.ip"), json!("/v1/t192.0.2.7"));
    check(json!("url(event.context.page.url).host"), json!("shop.example"));
    check(json!("url(event.context.page.url).port"), json!("8443"));
    check(json!("url(event.context.page.url).path"), json!("/p/Mug"));
    check(json!("url(event.context.page.url).query.gclid"), json!("a b"));
    check(json!("url(event.context.page.url).query.x"), json!("1"));
    check(json!("url(event.context.page.url).search"), json!("gclid=a%20b&x=1&x=2"));
    check(json!("url(event.context.page.url).fragment"), json!("top"));
    check(json!("url(event.context.page.url).origin"), json!("https://shop.example:8443"));
    check(json!("url(event.event).host"), Value::Null);
    check(json!("userAgent(event.context.userAgent).browser"), json!("Chrome"));
    check(json!("userAgent(event.context.userAgent).os"), json!("Linux"));
    check(json!("userAgent(event.context.userAgent).kind"), json!("pc"));
    check(json!("userAgent(event.event).browser"), Value::Null);
    check(json!("sha256('a')"), json!("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"));
}

#[test]
fn are_made_into_what_is_wanted() {
    let check =
        |it: Value, expected: Value| assert_eq!(value(json!({}), it.clone()).unwrap_or_default(), expected, "{it}");
    let total = "event.properties.total";
    check(json!({"value": total, "as": "number"}), json!(29.9));
    check(json!({"value": "event.properties.code", "as": "text"}), json!("7"));
    check(json!({"value": "event.properties.is_new", "as": "number"}), json!(1));
    check(json!({"value": "event.event", "as": "number"}), Value::Null);
    check(json!({"value": "event.event", "as": "number", "default": 0}), json!(0));
    check(json!({"value": "event.event", "case": "upper"}), json!("ORDER COMPLETED"));
    check(json!({"value": "event.event", "case": "lower"}), json!("order completed"));
    check(json!({"value": "event.properties.code", "case": "lower"}), json!(7));
    check(json!({"value": "event.properties.nothing", "default": "none"}), json!("none"));
    check(json!({"value": "event.properties.empty", "default": "none"}), json!(""));
    check(
        json!({"first": ["event.missing", "event.properties.empty", "event.properties.nothing", "event.userId"]}),
        json!("u"),
    );
    check(json!({"first": ["event.missing"], "default": false}), json!(false));
    let table = json!({"7": "seven", "true": 1});
    check(json!({"value": "event.properties.code", "table": table}), json!("seven"));
    check(json!({"value": "event.properties.is_new", "table": table}), json!(1));
    check(json!({"value": "event.event", "table": table}), Value::Null);
    check(json!({"value": "event.event", "table": table, "default": "other"}), json!("other"));
    let patterns = json!([["^/blog/", "blog"], ["^/p/(\\w+)$", "product ${1}!"]]);
    check(json!({"value": "event.context.page.path", "patterns": patterns, "case": "lower"}), json!("product mug!"));
    check(json!({"value": "event.event", "patterns": patterns}), Value::Null);
    check(json!({"value": "event.properties", "patterns": patterns}), Value::Null);
}

#[test]
fn may_be_made_of_each_other() {
    let vars = json!({"host": "url(event.context.page.url).host", "is_shop": "vars.host == 'shop.example'", "none": "vars.missing"});
    assert_eq!(value(vars.clone(), json!("vars.is_shop && vars.host.endsWith('.example')")), Some(json!(true)));
    assert_eq!(value(vars.clone(), json!("has(vars.none)")), Some(json!(false)));
    assert_eq!(value(vars, json!("vars.none == 1.0")), None);
}

#[test]
fn a_random_number_is_the_event_s_own() {
    let draw = |vars: Value, name: &str, message_id: &str| {
        let rules = Rules::compile(&container(vars)).unwrap();
        let (accepted, spare) = (accepted(message_id), Memo::default());
        let scope = Scope::new(&rules, &accepted, &spare);
        Expression::compile(&format!("vars.{name}")).unwrap().value(&scope.view()).unwrap()
    };
    let vars = json!({"a": {"random": 1000}, "b": {"random": 1000}, "coin": {"random": 2}});
    assert_eq!(draw(vars.clone(), "a", "m-1"), draw(vars.clone(), "a", "m-1"));
    assert_ne!(draw(vars.clone(), "a", "m-1"), draw(vars.clone(), "b", "m-1"));
    let heads = (0..200).filter(|n| draw(vars.clone(), "coin", &n.to_string()) == json!(1)).count();
    assert!((60..140).contains(&heads), "{heads} of 200");
}

#[test]
fn are_computed_once_and_only_where_they_are_asked_for() {
    let rules =
        Rules::compile(&container(json!({"a": "event.properties.code", "b": "vars.a", "c": "event.event"}))).unwrap();
    let variables =
        Variables::compile(&container(json!({"a": "event.properties.code", "c": "event.event"})).vars).unwrap();
    let (accepted, spare) = (accepted("m-1"), Memo::default());
    let (scope, values) = (Scope::new(&rules, &accepted, &spare), variables.values());
    assert_eq!(variables.value("a", &values, &scope.view(), "m-1"), Ok(&json!(7)));
    assert_eq!(values.iter().map(|value| value.get().is_some()).collect::<Vec<_>>(), [true, false]);
    // The next is answered from what was computed, whatever it is asked about.
    let other = crate::outline::Outline::default();
    assert_eq!(variables.value("a", &values, &crate::expression::View::new(&other), "m-1"), Ok(&json!(7)));
    assert_eq!(variables.value("other", &values, &scope.view(), "m-1"), Err(NoValue::Missing));
}

#[test]
fn what_cannot_be_computed_does_not_compile() {
    let check = |vars: Value, expected: &str| {
        assert_eq!(Variables::compile(&container(vars).vars).map(|_| ()).unwrap_err().to_string(), expected);
    };
    check(json!({"a": "vars.b", "b": "vars.c", "c": "vars.a"}), "`vars.a` is made of itself");
    check(json!({"a": "vars.a"}), "`vars.a` is made of itself");
    check(json!({"a": {}}), "`vars.a` needs one of `value`, `first` and `random`");
    check(json!({"a": {"value": "1", "random": 2}}), "`vars.a` needs one of `value`, `first` and `random`");
    check(
        json!({"a": {"value": "'x'", "patterns": [["(", ""]]}}),
        "`vars.a`: not a regular expression: unclosed group",
    );
    let chain: serde_json::Map<String, Value> =
        (0..=MAX_CHAIN).map(|n| (format!("v{n:02}"), json!(format!("vars.v{:02}", n + 1)))).collect();
    check(Value::Object(chain), "`vars.v16` is made of a chain of more than 16 variables");
}

#[test]
fn values_of_other_rules_are_not_taken_for_ones_own() {
    let accepted = accepted("m-1");
    let value = |expression: &str| {
        let (rules, spare) = (Rules::compile(&container(json!({"it": expression}))).unwrap(), Memo::default());
        let scope = Scope::new(&rules, &accepted, &spare);
        Expression::compile("vars.it").unwrap().value(&scope.view()).unwrap()
    };
    assert_eq!([value("1"), value("2"), value("1")], [json!(1), json!(2), json!(1)]);
}
