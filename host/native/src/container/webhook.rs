//! `[[collect.webhook]]`: paths that are free, secrets that are there, expressions that compile.

use std::collections::HashSet;

use http::{HeaderMap, Method};
use tagyard_pipeline::path::Path;
use tagyard_pipeline::sources::webhook::{self, Variables};
use tagyard_pipeline::sources::{self, Head, Rules};

use super::node::Node;
use super::problem::Problem;
use super::{Surroundings, collect, expression};

/// What the collector answers itself.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

pub(super) fn check(root: Node<'_>, file: &str, surroundings: &Surroundings<'_>, problems: &mut Vec<Problem>) {
    let webhooks = root.get("collect").and_then(|collect| collect.get("webhook"));
    let mut seen = HashSet::new();
    for webhook in webhooks.into_iter().flat_map(Node::items) {
        if let Some(path) = webhook.get("path") {
            check_path(path, &mut seen, problems);
        }
        for secret in ["key", "signature"].iter().filter_map(|name| webhook.get(name)) {
            check_secret(secret, surroundings, problems);
        }
        check_mapping(webhook, file, problems);
    }
}

fn check_path<'d>(node: Node<'d>, seen: &mut HashSet<&'d str>, problems: &mut Vec<Problem>) {
    let Some(path) = node.text() else { return };
    collect::check_path(node, problems);
    if !seen.insert(path) {
        problems.push(Problem::new(node.span(), "another webhook has this path"));
    }
    let head = Head { method: &Method::POST, path, headers: &HeaderMap::new() };
    if PROBES.contains(&path) {
        problems.push(Problem::new(node.span(), format!("`{path}` is answered by the collector itself")));
    } else if let Some(source) = sources::find(&head, &Rules::default()) {
        problems.push(Problem::new(node.span(), format!("`{path}` belongs to the source `{}`", source.name())));
    }
}

fn check_secret(secret: Node<'_>, surroundings: &Surroundings<'_>, problems: &mut Vec<Problem>) {
    if let Some(node) = secret.get("env")
        && let Some(env) = node.text()
        && (surroundings.env)(env).is_none()
    {
        problems.push(Problem::new(node.span(), format!("the environment variable `{env}` is not set")));
    }
}

fn check_mapping(webhook: Node<'_>, file: &str, problems: &mut Vec<Problem>) {
    let each = webhook.get("each");
    let variables = if each.is_some() { Variables::Item } else { Variables::Request };
    let with = |variables| move |source: &str| webhook::check(source, variables);
    if let Some(each) = each {
        expression::check_with(each, file, with(Variables::Request), problems);
    }
    if let Some(when) = webhook.get("when") {
        expression::check_with(when, file, with(variables), problems);
    }
    let Some(set) = webhook.get("set") else { return };
    for (path, value) in set.entries() {
        if let Err(error) = Path::parse(path) {
            problems.push(Problem::new(value.name, error.to_string()));
        }
        expression::check_with(value, file, with(variables), problems);
    }
    if set.is_table() && !["userId", "anonymousId"].iter().any(|id| set.get(id).is_some()) {
        problems.push(
            Problem::new(set.name, "the events would be about nobody")
                .help("set `userId` or `anonymousId`; an event without a person may have a name of the service, as in `userId = \"'shop'\"`"),
        );
    }
    let is_track = set.get("type").is_none();
    if set.is_table() && is_track && set.get("event").is_none() {
        problems.push(
            Problem::new(set.name, "the events would have no name")
                .help("set `event`, as in `event = \"'Order Completed'\"`, or a `type` other than track"),
        );
    }
}
