//! `[vars]`: expressions and patterns that are some, made of each other without a circle; and `vars.NAME` wherever it is read.

use std::collections::{BTreeMap, BTreeSet};

use tagyard_pipeline::expression::{Expression, ExpressionError, pattern};
use tagyard_pipeline::variables::{MAX_VARIABLES, circle};

use super::expression;
use super::node::Node;
use super::problem::Problem;
use crate::text::nearest;

/// Where a value comes from; a variable has exactly one.
const ORIGINS: [&str; 3] = ["value", "first", "random"];

/// What may be made of it.
const STEPS: [&str; 5] = ["table", "patterns", "case", "as", "default"];

/// Keys of a container and of a tag below which no text is an expression.
const OTHERS: [&str; 6] = ["allow", "collect", "deliver", "on", "secrets", "settings"];

pub(super) fn check(root: Node<'_>, file: &str, problems: &mut Vec<Problem>) {
    let variables: BTreeMap<&str, Node<'_>> = root.get("vars").into_iter().flat_map(Node::entries).collect();
    if let Some((name, node)) = variables.iter().nth(MAX_VARIABLES) {
        problems.push(Problem::new(
            node.name,
            format!("`{name}` is one too many: a container has {MAX_VARIABLES} variables at most"),
        ));
    }
    let mut needs = BTreeMap::new();
    for (name, node) in &variables {
        if Expression::compile(&format!("vars.{name}")).is_err() {
            problems.push(
                Problem::new(node.name, format!("`{name}` cannot be written as `vars.{name}`"))
                    .help("a variable's name is of letters, digits and `_`"),
            );
        }
        check_one(*node, file, problems);
        needs.insert(
            *name,
            sources(*node).flat_map(|source| read(source).map(|(name, _)| name).collect::<Vec<_>>()).collect(),
        );
    }
    check_names(root, file, &variables, problems);
    if let Err(circle) = circle(&needs)
        && let Some(node) = variables.get(circle.name())
    {
        problems.push(Problem::new(node.name, circle.to_string()));
    }
}

fn check_one(node: Node<'_>, file: &str, problems: &mut Vec<Problem>) {
    sources(node).for_each(|source| expression::check(source, file, problems));
    if !node.is_table() {
        return;
    }
    let origins: Vec<Node<'_>> = ORIGINS.iter().filter_map(|origin| node.get(origin)).collect();
    let names = ORIGINS.join("`, `");
    match origins.as_slice() {
        [_] => {}
        // A misspelt one is reported as an unknown key already.
        [] if node.entries().any(|(key, _)| !STEPS.contains(&key)) => {}
        [] => problems
            .push(Problem::new(node.name, format!("this variable comes from nothing: give it one of `{names}`"))),
        [_, more @ ..] => problems.extend(
            more.iter().map(|origin| Problem::new(origin.name, format!("a variable comes from one of `{names}`"))),
        ),
    }
    for pair in node.get("patterns").into_iter().flat_map(Node::items) {
        if let Some((source, span)) = pair.texts().next()
            && let Err(message) = pattern(source)
        {
            problems.push(Problem::new(span, message));
        }
    }
}

/// The expressions of a variable.
fn sources(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let whole = (!node.is_table()).then_some(node);
    whole.into_iter().chain(node.get("value")).chain(node.get("first").into_iter().flat_map(Node::items))
}

/// The variables that an expression reads, and where in it.
fn read(node: Node<'_>) -> impl Iterator<Item = (String, Option<usize>)> {
    let source = node.text().filter(|text| text.contains("vars")).unwrap_or_default();
    let names: BTreeSet<String> = match Expression::compile(source) {
        Ok(expression) => {
            let vars = expression.reads().root("vars");
            vars.into_iter().flat_map(|vars| vars.members().map(|(name, _)| name.to_owned())).collect()
        }
        Err(_) => BTreeSet::new(),
    };
    names.into_iter().map(move |name| {
        let offset = source.find(&format!("vars.{name}")).map(|at| at + "vars.".len());
        (name, offset)
    })
}

/// Looks for variables that are read and not there, in the container and in each tag.
fn check_names(root: Node<'_>, file: &str, known: &BTreeMap<&str, Node<'_>>, problems: &mut Vec<Problem>) {
    let tags = root.get("tag").into_iter().flat_map(Node::items);
    for (key, value) in
        tags.chain([root]).flat_map(Node::entries).filter(|(key, _)| *key != "tag" && !OTHERS.contains(key))
    {
        let parts = if key == "transform" { in_transforms(value) } else { vec![value] };
        parts.into_iter().for_each(|part| check_below(part, file, known, problems));
    }
}

/// The recursion is bounded by the TOML parser, which refuses a file that is nested deeper than 80 levels.
fn check_below(node: Node<'_>, file: &str, known: &BTreeMap<&str, Node<'_>>, problems: &mut Vec<Problem>) {
    for (name, offset) in read(node).filter(|(name, _)| !known.contains_key(name.as_str())) {
        let error = ExpressionError { message: format!("there is no variable `{name}`"), offset };
        problems.push(expression::problem(node, file, &error).help(match nearest(&name, known.keys().copied()) {
            Some(near) => format!("did you mean `vars.{near}`?"),
            None => format!("give it a value under `[vars]`: `{name} = \"…\"`"),
        }));
    }
    node.items().for_each(|item| check_below(item, file, known, problems));
    node.entries().for_each(|(_, value)| check_below(value, file, known, problems));
}

/// Where transformations have expressions. Their other texts are fields, patterns and plain values.
fn in_transforms(transforms: Node<'_>) -> Vec<Node<'_>> {
    transforms
        .items()
        .flat_map(|transform| ["when", "set"].into_iter().filter_map(move |key| transform.get(key)))
        .collect()
}
