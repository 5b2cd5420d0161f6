//! A tag sees the fields that it was granted, and nothing else, whatever transformations the container has.
//!
//! Every text of a random event is marked with a number of its own, so that it is known wherever it comes out. Then:
//!
//! 1. Whatever field the tag sees, the grant covers: there is no other way through.
//! 2. A text of a field that was not granted is not in what the tag sees, unless the operator moved it: by a `rename` of that
//!    field or of what holds it, or by a `set` that reads it.
//! 3. A text of a field that was dropped, hashed, masked, redacted or truncated is not there either, granted or not, under the same
//!    reservation.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::container::model::Container;
use tagyard_pipeline::event::Event;
use tagyard_pipeline::grants::Grant;
use tagyard_pipeline::path::Fields;
use tagyard_pipeline::plan::{Decision, Plan, Shared};
use tagyard_pipeline::request::Request;

/// Few, so that events, grants and transformations meet.
const KEYS: [&str; 2] = ["a", "b"];
const TOPS: [&str; 2] = ["properties", "context"];

/// A shape of a value; its texts are marked when it is put into an event.
fn shape() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![4 => Just(json!("")), 1 => any::<u32>().prop_map(Value::from), 1 => Just(Value::Null)];
    leaf.prop_recursive(5, 32, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            inner.clone().prop_map(|value| json!([[value]])),
            prop::collection::btree_map(select(&KEYS[..]), inner, 0..3).prop_map(|members| Value::Object(
                members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

fn path() -> impl Strategy<Value = String> {
    let below = prop::collection::vec(select(&KEYS[..]), 0..3);
    (select(&TOPS[..]), below).prop_map(|(top, below)| [top].into_iter().chain(below).collect::<Vec<_>>().join("."))
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![6 => path(), 2 => path().prop_map(|path| format!("{path}.*")), 1 => Just("*".to_owned())]
}

/// What a random transformation does to a text that it meets.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Does {
    /// The text is gone, or is another.
    Hides(Vec<String>),
    /// The text is elsewhere.
    Moves(String),
    Nothing,
}

fn transform() -> impl Strategy<Value = (Value, Does)> {
    let hiding = (prop::collection::vec(part(), 1..3), 0..5_usize).prop_map(|(parts, which)| {
        let spec = match which {
            0 => json!({"hash": {"fields": parts, "as": "email"}}),
            1 => json!({"hash": {"fields": parts}}),
            2 => json!({"mask": {"fields": parts, "pattern": "m[0-9]+@", "with": "x@"}}),
            3 => json!({ "redact_pii": parts }),
            _ => json!({ "truncate_ip": parts }),
        };
        (spec, Does::Hides(parts))
    });
    let dropping = prop::collection::vec(path(), 1..3).prop_map(|paths| (json!({ "drop": paths }), Does::Hides(paths)));
    let moving = (path(), path(), any::<bool>()).prop_map(|(from, to, by_rename)| {
        let spec = match by_rename {
            true => json!({"rename": { &from: to }}),
            false => json!({"set": { to: format!("event.{from}") }}),
        };
        (spec, Does::Moves(from))
    });
    let plain = (prop::collection::vec(part(), 1..3), path(), 0..5_usize).prop_map(|(parts, path, which)| {
        let spec = match which {
            0 => json!({ "allow": parts }),
            1 => json!({ "lower": parts }),
            2 => json!({"coerce": { path: "number" }}),
            3 => json!({"default": { path: "by default" }}),
            _ => json!({"set": { path: "'by expression'" }}),
        };
        (spec, Does::Nothing)
    });
    prop_oneof![3 => hiding, 1 => dropping, 2 => moving, 2 => plain]
}

/// A text of the event, and where it was.
struct Marked {
    path: Vec<String>,
    text: String,
}

/// Marks the texts of a shape.
fn mark(value: &mut Value, path: &[String], marked: &mut Vec<Marked>) {
    match value {
        Value::String(text) => {
            *text = format!("m{}@shop.example", marked.len());
            marked.push(Marked { path: path.to_vec(), text: text.clone() });
        }
        Value::Array(items) => items.iter_mut().for_each(|item| mark(item, path, marked)),
        Value::Object(members) => members.iter_mut().for_each(|(key, value)| {
            mark(value, &[path, std::slice::from_ref(key)].concat(), marked);
        }),
        _ => {}
    }
}

/// The paths of a value's texts, numbers and booleans, lists looked through.
fn leaves(value: &Value, path: &str, out: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| leaves(item, path, out)),
        Value::Object(members) => members.iter().for_each(|(key, value)| leaves(value, &format!("{path}.{key}"), out)),
        _ => out.push(path.trim_start_matches('.').to_owned()),
    }
}

/// Whether a field lies at or below a part.
fn is_in(path: &[String], part: &str) -> bool {
    let parts: Vec<&str> = part.trim_end_matches('*').split('.').filter(|part| !part.is_empty()).collect();
    path.iter().zip(&parts).all(|(own, others)| own == others) && path.len() >= parts.len()
}

/// Whether one of the two lies in the other.
fn meets(path: &[String], other: &str) -> bool {
    path.iter().map(String::as_str).zip(other.split('.')).all(|(own, others)| own == others)
}

fn compile(shared: &[Value], own: &[Value], granted: &Fields) -> Plan {
    let container: Container = serde_json::from_value(json!({
        "name": "shop",
        "collect": {"write_keys": ["key"]},
        "transform": shared,
        "tag": [{"name": "mine", "use": "webhook", "transform": own}],
    }))
    .unwrap();
    let grant = Grant { hosts: Vec::new(), fields: granted.clone(), private_network: false, plain_http: false };
    Plan::compile(&container.tags[0], Shared::compile(&container).unwrap(), grant).unwrap()
}

fn seen(plan: &Plan, event: Event) -> String {
    match plan.decide(&Accepted::new(Timestamp::UNIX_EPOCH, "segment", Request::default(), event)) {
        Decision::Run(redacted) => redacted.into_string(),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_tag_sees_only_what_it_was_granted(
        shapes in prop::collection::vec(shape(), TOPS.len()),
        granted in prop::collection::vec(part(), 0..4),
        transforms in prop::collection::vec(transform(), 0..5),
        shared in 0..5_usize,
    ) {
        let mut fields = json!({"type": "track", "event": "e", "messageId": "i", "userId": "u"});
        let mut marked = Vec::new();
        for (top, mut shape) in TOPS.into_iter().zip(shapes) {
            if !shape.is_object() {
                shape = json!({ "a": shape });
            }
            mark(&mut shape, &[top.to_owned()], &mut marked);
            fields[top] = shape;
        }
        let event: Event = serde_json::from_value(fields).unwrap();
        let fields = Fields::parse(&granted).unwrap();
        let specs: Vec<Value> = transforms.iter().map(|(spec, _)| spec.clone()).collect();
        let (shared, own) = specs.split_at(shared.min(specs.len()));
        let seen = seen(&compile(shared, own, &fields), event);

        let mut paths = Vec::new();
        leaves(&serde_json::from_str(&seen).unwrap(), "", &mut paths);
        for path in paths.iter().filter(|path| !path.is_empty()) {
            prop_assert!(fields.covers(path), "{path} was not granted, and {seen} has it");
        }
        for Marked { path, text } in &marked {
            let moved = |does: &Does| matches!(does, Does::Moves(from) if meets(path, from));
            let hidden = |does: &Does| matches!(does, Does::Hides(parts) if parts.iter().any(|part| is_in(path, part)));
            if transforms.iter().any(|(_, does)| moved(does)) {
                continue;
            }
            let covered = fields.covers(&path.join("."));
            let gone = !covered || transforms.iter().any(|(_, does)| hidden(does));
            prop_assert!(!gone || !seen.contains(text.as_str()), "{text} of {path:?} is in {seen}");
        }
    }
}
