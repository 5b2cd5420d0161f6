//! Transformations: one change each, with paths and expressions that are some.

use tagyard_pipeline::path::Path;

use super::expression;
use super::node::Node;
use super::problem::{Problem, Span};

/// The keys that are a change; a transformation holds exactly one.
const CHANGES: [&str; 2] = ["drop", "set"];

/// Checks the transformations of the whole container, or of one tag.
pub(super) fn check(owner: Node<'_>, file: &str, problems: &mut Vec<Problem>) {
    for transform in owner.get("transform").into_iter().flat_map(Node::items) {
        check_count(transform, problems);
        if let Some(when) = transform.get("when") {
            expression::check(when, file, problems);
        }
        for (path, span) in transform.get("drop").into_iter().flat_map(Node::texts) {
            // `context.page.*` and `context.page` are the same thing to remove.
            check_path(path.strip_suffix(".*").unwrap_or(path), span, problems);
        }
        for (path, value) in transform.get("set").into_iter().flat_map(Node::entries) {
            check_path(path, value.name, problems);
            expression::check(value, file, problems);
        }
    }
}

fn check_count(transform: Node<'_>, problems: &mut Vec<Problem>) {
    let changes: Vec<Node<'_>> = CHANGES.iter().filter_map(|change| transform.get(change)).collect();
    let names = CHANGES.join("` or `");
    match changes.as_slice() {
        [_] => {}
        // A misspelt change is reported as an unknown key already.
        [] if transform.entries().any(|(key, _)| key != "when") => {}
        [] => problems
            .push(Problem::new(transform.name, format!("this transformation changes nothing: give it `{names}`"))),
        [_, more @ ..] => problems.extend(more.iter().map(|change| {
            Problem::new(change.name, format!("a transformation makes one change, `{names}`"))
                .help("write a `transform` for each; they are made in order")
        })),
    }
}

fn check_path(path: &str, span: Span, problems: &mut Vec<Problem>) {
    if let Err(error) = Path::parse(path) {
        problems.push(Problem::new(span, error.to_string()));
    }
}
