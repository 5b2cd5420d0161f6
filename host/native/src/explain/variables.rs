//! Variables, a sentence each.

use std::collections::BTreeMap;

use tagyard_pipeline::container::variable::{Case, Steps, To, Variable};

use super::page::Page;
use super::words::{listed, value};

/// The most entries of a table that are listed; a lookup table may have thousands.
const LISTED: usize = 12;

pub(super) fn explain(page: &mut Page, variables: &BTreeMap<String, Variable>) {
    if variables.is_empty() {
        return;
    }
    page.heading("Variables");
    page.about("Named values that conditions and changes use:");
    for (name, variable) in variables {
        let meaning = match variable {
            // Most are conditions, or values.
            Variable::Expression(source) => of_expression(source),
            Variable::Steps(steps) => of_steps(steps),
        };
        page.sentence(&format!("`{name}`: {meaning}."));
    }
}

fn of_expression(source: &str) -> String {
    use tagyard_pipeline::expression::words;
    match (words::value(source), words::condition(source)) {
        (Some(value), _) => value,
        (None, Some(condition)) => format!("whether {condition}"),
        (None, None) => value(source),
    }
}

fn of_steps(steps: &Steps) -> String {
    let Steps { value: source, first, random, table, patterns, case, to, default } = steps;
    let origin = [
        source.as_ref().map(|source| of_expression(source)),
        first.as_ref().map(|sources| {
            let sources: Vec<String> = sources.iter().map(|source| value(source)).collect();
            format!("the first of {} that has a value", listed(&sources, "and"))
        }),
        random.map(|below| format!("a number below {below} by chance, the same whenever an event is run again")),
    ];
    let table = table.as_ref().map(|table| {
        let entries: Vec<String> =
            table.iter().take(LISTED).map(|(key, value)| format!("\"{key}\" gives {value}")).collect();
        let more = match table.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("looked up in a table ({}{more})", entries.join(", "))
    });
    let patterns = patterns.as_ref().map(|patterns| {
        let entries: Vec<String> =
            patterns.iter().take(LISTED).map(|[pattern, with]| format!("`{pattern}` gives \"{with}\"")).collect();
        format!("told by the first pattern that matches ({})", entries.join(", "))
    });
    let case = case.map(|case| match case {
        Case::Lower => "in small letters".to_owned(),
        Case::Upper => "in capital letters".to_owned(),
    });
    let to = to.map(|to| match to {
        To::Number => "as a number".to_owned(),
        To::Text => "as a text".to_owned(),
    });
    let default = default.as_ref().map(|default| format!("{default} where there is none"));
    let parts = origin.into_iter().chain([table, patterns, case, to, default]);
    parts.flatten().collect::<Vec<_>>().join(", ")
}
