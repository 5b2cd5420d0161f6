//! How two requests differ, field by field.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use url::Url;

use crate::sent::{SentBody, SentRequest};

/// The most changes of one request that are listed; two bodies that have nothing in common differ in thousands of places.
pub const MAX_CHANGES: usize = 100;

/// One difference. What is absent is not there on that side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// `method`, `url`, `url ?NAME` for a parameter of the query, `header NAME`, `body`, `body /JSON/POINTER`, or `events`.
    pub field: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Value>,
}

impl Change {
    pub(super) fn new(field: impl Into<String>, then: Option<Value>, now: Option<Value>) -> Self {
        Change { field: field.into(), then, now }
    }
}

/// Everything in which two requests differ. Neither the order of headers nor that of a JSON object's fields is a difference.
pub(super) fn changes(then: &SentRequest, now: &SentRequest) -> Vec<Change> {
    let mut changes = Vec::new();
    if then.method != now.method {
        changes.push(Change::new("method", Some(then.method.clone().into()), Some(now.method.clone().into())));
    }
    urls(&then.url, &now.url, &mut changes);
    let (before, after) = (lists(then.headers.iter().cloned()), lists(now.headers.iter().cloned()));
    maps("header ", &before, &after, &mut changes);
    bodies(&then.body, &now.body, &mut changes);
    changes
}

fn urls(then: &str, now: &str, changes: &mut Vec<Change>) {
    if then == now {
        return;
    }
    let before = changes.len();
    let (base, other) = (then.split('?').next(), now.split('?').next());
    if base == other
        && let (Ok(then), Ok(now)) = (Url::parse(then), Url::parse(now))
    {
        let query = |url: &Url| lists(url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())));
        maps("url ?", &query(&then), &query(&now), changes);
    }
    // Otherwise the difference is one of spelling.
    if changes.len() == before {
        changes.push(Change::new("url", Some(then.into()), Some(now.into())));
    }
}

/// A name given twice stands for one list.
fn lists(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut lists: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in pairs {
        lists.entry(name).and_modify(|before| *before = format!("{before}, {value}")).or_insert(value);
    }
    lists
}

fn maps(prefix: &str, then: &BTreeMap<String, String>, now: &BTreeMap<String, String>, changes: &mut Vec<Change>) {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    for name in names.into_iter().filter(|name| then.get(*name) != now.get(*name)) {
        let value = |map: &BTreeMap<String, String>| map.get(name).cloned().map(Value::from);
        changes.push(Change::new(format!("{prefix}{name}"), value(then), value(now)));
    }
}

fn bodies(then: &SentBody, now: &SentBody, changes: &mut Vec<Change>) {
    if then == now {
        return;
    }
    match (then.json(), now.json()) {
        (Some(then), Some(now)) => values(&mut String::new(), &then, &now, changes),
        _ => {
            let shown = |body: &SentBody| match body.is_whole() {
                true => body.shown().into_owned(),
                // The beginnings may be the same.
                false => {
                    let sha256 = body.sha256.as_deref().unwrap_or_default();
                    format!("{} bytes, SHA-256 {sha256}, beginning with {}", body.bytes, body.shown())
                }
            };
            changes.push(Change::new("body", Some(shown(then).into()), Some(shown(now).into())));
        }
    }
}

/// JSON is parsed with a limit of depth, so this does not go deeper than that either.
fn values(pointer: &mut String, then: &Value, now: &Value, changes: &mut Vec<Change>) {
    match (then, now) {
        (Value::Object(before), Value::Object(after)) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let step = name.replace('~', "~0").replace('/', "~1");
                member(pointer, &step, before.get(name), after.get(name), changes);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for index in 0..before.len().max(after.len()) {
                member(pointer, &index.to_string(), before.get(index), after.get(index), changes);
            }
        }
        (then, now) if is_same(then, now) => {}
        (then, now) => changes.push(Change::new(format!("body {pointer}"), Some(then.clone()), Some(now.clone()))),
    }
}

fn member(pointer: &mut String, step: &str, then: Option<&Value>, now: Option<&Value>, changes: &mut Vec<Change>) {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(step);
    match (then, now) {
        (Some(then), Some(now)) => values(pointer, then, now, changes),
        (then, now) => changes.push(Change::new(format!("body {pointer}"), then.cloned(), now.cloned())),
    }
    pointer.truncate(length);
}

/// 1 and 1.0 are one number to JSON.
fn is_same(then: &Value, now: &Value) -> bool {
    then == now || matches!((then, now), (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &str, headers: &[(&str, &str)], body: &str) -> SentRequest {
        SentRequest {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: SentBody::new(body.as_bytes()),
        }
    }

    /// Each difference as `field then now`, as JSON.
    fn check(then: &SentRequest, now: &SentRequest, expected: &[&str]) {
        let shown = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        let found: Vec<String> = changes(then, now)
            .iter()
            .map(|change| format!("{} {} {}", change.field, shown(&change.then), shown(&change.now)))
            .collect();
        assert_eq!(found, expected);
    }

    fn check_body(then: &str, now: &str, expected: &[&str]) {
        check(&request("https://a.example/", &[], then), &request("https://a.example/", &[], now), expected);
    }

    #[test]
    fn bodies_differ_by_json_pointer() {
        check_body(r#"{"a":1,"b":{"c":[1,2]}}"#, r#"{"b":{"c":[1,2]},"a":1.0}"#, &[]);
        check_body(r#"{"a":1,"b":2}"#, r#"{"a":"1","c":null}"#, &[r#"body /a 1 "1""#, "body /b 2 -", "body /c - null"]);
        check_body("[[1,2],3]", "[[1,4,5]]", &["body /0/1 2 4", "body /0/2 - 5", "body /1 3 -"]);
        check_body(r#"{"a/b":{"~":1}}"#, r#"{"a/b":{"~":2}}"#, &["body /a~1b/~0 1 2"]);
        check_body("[1]", r#"{"0":1}"#, &[r#"body  [1] {"0":1}"#]);
        check_body("a=1", "a=2", &[r#"body "a=1" "a=2""#]);
        check_body("", "{}", &[r#"body "" "{}""#]);
    }

    #[test]
    fn a_long_body_that_differs_behind_what_is_kept_has_changed() {
        let long = "x".repeat(crate::sent::KEPT_BODY_BYTES);
        let url = "https://a.example/";
        let found = changes(&request(url, &[], &format!("{long}1")), &request(url, &[], &format!("{long}2")));
        assert_eq!(found.len(), 1);
        check(&request(url, &[], &format!("{long}1")), &request(url, &[], &format!("{long}1")), &[]);
    }

    #[test]
    fn urls_differ_by_parameter_and_headers_by_name() {
        let check_url = |then: &str, now: &str, expected: &[&str]| {
            check(&request(then, &[], ""), &request(now, &[], ""), expected);
        };
        check_url("https://a.example/x?en=a&v=1", "https://a.example/x?v=1&en=b", &[r#"url ?en "a" "b""#]);
        check_url("https://a.example/x?a=1", "https://a.example/x?a=1&a=2", &[r#"url ?a "1" "1, 2""#]);
        let spelling = [r#"url "https://a.example/x?a=%31" "https://a.example/x?a=1""#];
        check_url("https://a.example/x?a=%31", "https://a.example/x?a=1", &spelling);
        let place = [r#"url "https://a.example/x?a=1" "https://a.example/y?a=1""#];
        check_url("https://a.example/x?a=1", "https://a.example/y?a=1", &place);
        let then = request("https://a.example/", &[("x-a", "1"), ("x-b", "2")], "");
        check(&then, &request("https://a.example/", &[("x-b", "2"), ("x-a", "1")], ""), &[]);
        let now = request("https://a.example/", &[("x-b", "3"), ("x-c", "4")], "");
        check(&then, &now, &[r#"header x-a "1" -"#, r#"header x-b "2" "3""#, r#"header x-c - "4""#]);
    }
}
