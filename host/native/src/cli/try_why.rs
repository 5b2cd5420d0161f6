//! Why a tag did what it did, in lines for a person.

use std::collections::BTreeMap;

use serde_json::Value;
use tagyard_pipeline::plan::Explained;
use tagyard_pipeline::transform::Traced;
use tagyard_pipeline::trigger::Shown;

/// How much of a value is shown.
const SHOWN_CHARS: usize = 80;

/// Each clause of the trigger with what it read, each consent with what decided it, and what became of each transformation.
pub(super) fn lines(why: &Explained) -> Vec<String> {
    let mut lines: Vec<String> = why.clauses.iter().map(clause).collect();
    lines.extend(why.consent.iter().map(|verdict| format!("consent to {verdict}")));
    if why.is_anonymised {
        lines.push("anonymised: it gets the event without whom it is about".to_owned());
    }
    lines.extend(why.changed.iter().map(change));
    lines
}

/// What was found out about the visitor.
pub(super) fn found(found: &BTreeMap<String, Value>) -> Vec<String> {
    found.iter().map(|(path, value)| format!("found out: {path} is {}", short(value))).collect()
}

/// What became of one transformation.
fn change(traced: &Traced) -> String {
    let Traced { change, when, fields, is_filtered } = traced;
    let condition = when.as_ref().map(|when| format!(", {}", clause(when))).unwrap_or_default();
    match (traced.is_due(), fields.as_slice()) {
        _ if *is_filtered => format!("kept away by {change}{condition}"),
        (false, _) => format!("not changed by {change}{condition}"),
        (true, []) => format!("nothing to change by {change}{condition}"),
        (true, fields) => format!("changed by {change}: {}{condition}", fields.join(", ")),
    }
}

fn clause(shown: &Shown) -> String {
    let read = shown.read.iter().map(|(path, value)| match value {
        Some(value) => format!("{path} is {}", short(value)),
        None => format!("{path} is missing"),
    });
    let read: Vec<String> = read.collect();
    let read = if read.is_empty() { String::new() } else { format!("; {}", read.join(", ")) };
    let why = shown.no_value.map(|reason| format!(", since {reason}")).unwrap_or_default();
    format!("{}: {}{why}{read}", shown.clause, shown.value)
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
