//! What a tag's trigger and its consent are written with, besides `on` and `when`; and `[consent]`.

use tagyard_pipeline::expression::pattern;
use tagyard_pipeline::trigger::{Window, WindowError};

use super::expression;
use super::node::Node;
use super::problem::Problem;

/// Checks the conditions of one tag.
pub(super) fn check(tag: Node<'_>, file: &str, problems: &mut Vec<Problem>) {
    for condition in ["when", "except"].iter().filter_map(|key| tag.get(key)) {
        expression::check(condition, file, problems);
    }
    if let Some(between) = tag.get("between") {
        check_window(between, problems);
    }
    if let Some(without) = tag.get("without_consent")
        && tag.get("consent").is_none_or(|consent| consent.items().next().is_none())
    {
        problems.push(
            Problem::new(without.name, "`without_consent` means nothing for a tag that needs no consent")
                .help("name the purposes that it needs: `consent = [\"analytics\"]`"),
        );
    }
}

/// Checks how consent is read.
pub(super) fn check_consent(root: Node<'_>, problems: &mut Vec<Problem>) {
    for (_, purpose) in root.get("consent").into_iter().flat_map(Node::entries) {
        let given = purpose.get("cookie").and_then(|cookie| cookie.get("given"));
        if let Some((node, source)) = given.and_then(|given| Some((given, given.text()?)))
            && let Err(message) = pattern(source)
        {
            problems.push(Problem::new(node.span(), message));
        }
    }
}

fn check_window(between: Node<'_>, problems: &mut Vec<Problem>) {
    let times: Vec<(Node<'_>, String)> =
        between.items().filter_map(|item| Some((item, item.to_json(&mut Vec::new()).as_str()?.to_owned()))).collect();
    // Another number of times is the schema's business.
    let [(from, first), (until, second)] = times.as_slice() else { return };
    match Window::parse(&[first.clone(), second.clone()]) {
        Ok(_) => {}
        Err(error @ WindowError::Order) => problems.push(Problem::new(between.span(), error.to_string())),
        Err(error @ WindowError::NoTime(_)) => {
            let node = if matches!(&error, WindowError::NoTime(text) if text == first) { from } else { until };
            problems.push(Problem::new(node.span(), error.to_string()));
        }
    }
}
