//! Transformations: one change each, that compiles, for tags that there are.

use serde_json::{Map, Value};
use tagyard_pipeline::container::model;
use tagyard_pipeline::transform::{Fault, Place, Step, Transform, TransformError, TransformErrors, change_names};

use super::expression;
use super::node::Node;
use super::problem::Problem;
use crate::text::nearest;

/// Checks the transformations of the whole container.
pub(super) fn check_shared(root: Node<'_>, file: &str, problems: &mut Vec<Problem>) {
    let named = |tag: Node<'_>| tag.get("name").and_then(Node::text).map(str::to_owned);
    let tags: Vec<String> = root.get("tag").into_iter().flat_map(Node::items).filter_map(named).collect();
    for transform in of(root) {
        check(transform, file, problems);
        for (name, span) in transform.get("tags").into_iter().flat_map(Node::texts) {
            if tags.iter().any(|tag| tag == name) {
                continue;
            }
            let problem = Problem::new(span, format!("there is no tag `{name}`"));
            problems.push(match nearest(name, tags.iter().map(String::as_str)) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help("a tag goes by its `name` in this container, not by its component's"),
            });
        }
    }
}

/// Checks the transformations of one tag.
pub(super) fn check_own(tag: Node<'_>, file: &str, problems: &mut Vec<Problem>) {
    for transform in of(tag) {
        check(transform, file, problems);
        if let Some(tags) = transform.get("tags") {
            problems.push(
                Problem::new(tags.name, "a tag's own transformation is for that tag alone")
                    .help("leave `tags` out, or write a `[[transform]]` before the tags"),
            );
        }
    }
}

fn of(owner: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    owner.get("transform").into_iter().flat_map(Node::items)
}

fn check(transform: Node<'_>, file: &str, problems: &mut Vec<Problem>) {
    check_count(transform, problems);
    let when = transform.get("when");
    if let Some(when) = when {
        expression::check(when, file, problems);
    }
    for (key, value) in transform.entries().filter(|(key, _)| change_names().any(|name| name == *key)) {
        // By itself, so that what is wrong with one key hides nothing of another. Values of a wrong type, and numbers out of
        // range, were reported with the file as a whole.
        let mut alone = Map::from_iter([(key.to_owned(), value.to_json(&mut Vec::new()))]);
        alone.extend(when.map(|_| ("when".to_owned(), Value::from("true"))));
        let Ok(spec) = serde_json::from_value::<model::Transform>(Value::Object(alone)) else { continue };
        if let Err(TransformErrors(errors)) = Transform::compile(&spec) {
            errors.iter().for_each(|error| problems.extend(problem(transform, file, error)));
        }
    }
}

fn check_count(transform: Node<'_>, problems: &mut Vec<Problem>) {
    let mut changes: Vec<Node<'_>> = change_names().filter_map(|change| transform.get(change)).collect();
    changes.sort_by_key(|change| change.name);
    let names = change_names().collect::<Vec<_>>().join("`, `");
    match changes.as_slice() {
        [_] => {}
        // A misspelt change is reported as an unknown key already.
        [] if transform.entries().any(|(key, _)| !["tags", "when"].contains(&key)) => {}
        [] => problems.push(
            Problem::new(transform.name, "this transformation changes nothing")
                .help(format!("give it one of `{names}`")),
        ),
        [_, more @ ..] => problems.extend(more.iter().map(|change| {
            Problem::new(change.name, "a transformation makes one change, and this is one more")
                .help("write a `transform` for each; they are made in order")
        })),
    }
}

/// What the schema says already is left out.
fn problem(transform: Node<'_>, file: &str, error: &TransformError) -> Option<Problem> {
    let node = locate(transform, &error.place);
    let span = match error.place.0.last() {
        Some(Step::Name(_)) => node.name,
        _ => node.span(),
    };
    let problem = match &error.fault {
        Fault::Expression(error) => expression::problem(node, file, error),
        Fault::FilterFalse => return None,
        fault => Problem::new(span, fault.to_string()),
    };
    Some(match error.fault.help() {
        Some(help) => problem.help(help),
        None => problem,
    })
}

fn locate<'d>(transform: Node<'d>, place: &Place) -> Node<'d> {
    place.0.iter().fold(transform, |node, step| {
        let next = match step {
            Step::Key(key) | Step::Name(key) => node.get(key),
            Step::Index(index) => node.items().nth(*index),
        };
        next.unwrap_or(node)
    })
}
