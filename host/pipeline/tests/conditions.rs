//! `docs/conditions.md` is true: each condition is true and false of what it says, and each variable gives what it says.
#![allow(clippy::disallowed_methods, clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::container::model::Container;
use tagyard_pipeline::grants::Grant;
use tagyard_pipeline::path::Fields;
use tagyard_pipeline::plan::{Decision, Plan, Shared};

fn text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conditions.md")).unwrap()
}

/// The rows of the table that comes after a heading, without its head.
fn rows(text: &str, heading: &str) -> Vec<Vec<String>> {
    let after = text.split_once(&format!("\n## {heading}\n")).unwrap().1;
    let lines =
        after.lines().skip_while(|line| !line.starts_with('|')).skip(2).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| {
        let line = line.replace("\\|", "\u{1}");
        let cells = line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').replace('\u{1}', "|"));
        cells.collect()
    };
    lines.map(cells).collect()
}

/// What becomes of an event for a tag.
fn decide(tag: Value, vars: Value, accepted: &Accepted) -> Decision {
    let mut whole = json!({"name": "t", "use": "webhook"});
    whole.as_object_mut().unwrap().extend(tag.as_object().unwrap().clone());
    let container = json!({"name": "c", "collect": {"write_keys": ["k"]}, "vars": vars, "tag": [whole]});
    let container: Container = serde_json::from_value(container).unwrap();
    let shared = Shared::compile(&container).unwrap_or_else(|error| panic!("{tag} {vars}: {error}"));
    let fields = Fields::parse(["*"]).unwrap();
    let grant = Grant { hosts: Vec::new(), fields, private_network: false, plain_http: false };
    let plan = Plan::compile(&container.tags[0], shared, grant).unwrap_or_else(|error| panic!("{tag}: {error}"));
    plan.decide(accepted)
}

#[test]
fn conditions_are_true_and_false_of_what_the_table_says() {
    let rows = rows(&text(), "Conditions");
    assert!(rows.len() > 30, "only {} rows", rows.len());
    for row in rows {
        let [what, condition, yes, no] = row.as_slice() else { panic!("{row:?}") };
        let runs = |properties: Value, key: &str| {
            let event = json!({"type": "page", "messageId": "m", "userId": "u", "properties": properties});
            let record = json!({"v": 1, "received_at": "2026-11-22T00:00:00Z", "source": "segment", "event": event});
            let accepted = Accepted::from_bytes(record.to_string().as_bytes()).unwrap();
            let tag = json!({key: condition.replace('#', "event.properties.it")});
            matches!(decide(tag, json!({}), &accepted), Decision::Run(_))
        };
        let it = |text: &str| json!({"it": serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{text}: {error}"))});
        assert!(runs(it(yes), "when"), "{what}: `{condition}` is not true of {yes}");
        assert!(!runs(it(yes), "except"), "{what}: as an exception");
        if !no.is_empty() {
            assert!(!runs(it(no), "when"), "{what}: `{condition}` is true of {no}");
            assert!(runs(it(no), "except"), "{what}: as an exception");
        }
        assert!(!runs(json!({}), "when"), "{what}: `{condition}` is true of nothing");
        assert!(runs(json!({}), "except"), "{what}: nothing, as an exception");
    }
}

#[test]
fn variables_give_what_the_table_says() {
    let text = text();
    let given: Value =
        serde_json::from_str(text.split("```json").nth(1).unwrap().split("```").next().unwrap()).unwrap();
    let record = json!({
        "v": 1, "received_at": "2026-11-22T00:00:00Z", "source": given["source"], "request": given["request"], "event": given["event"],
    });
    let accepted = Accepted::from_bytes(record.to_string().as_bytes()).unwrap();
    let rows = rows(&text, "Variables");
    assert!(rows.len() > 30, "only {} rows", rows.len());
    for row in rows {
        let [what, variable, expected] = row.as_slice() else { panic!("{row:?}") };
        let vars: toml::Table =
            format!("it = {variable}").parse().unwrap_or_else(|error| panic!("{variable}: {error}"));
        let tag = json!({"transform": [{"set": {"properties": "{'it': vars.it}"}}]});
        let Decision::Run(redacted) = decide(tag, serde_json::to_value(vars).unwrap(), &accepted) else {
            panic!("{what}")
        };
        let event: Value = serde_json::from_str(redacted.as_str()).unwrap();
        let expected = if expected.is_empty() { Value::Null } else { serde_json::from_str(expected).unwrap() };
        assert_eq!(event["properties"]["it"], expected, "{what}: {variable}");
    }
}
