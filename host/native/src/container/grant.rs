//! What a tag is granted, and whether that is all it asks for.

use tagyard_pipeline::grants::{Grant, HostPattern};
use tagyard_pipeline::manifest::Manifest;
use tagyard_pipeline::path::Fields;

use super::node::Node;
use super::problem::{Problem, Span};
use crate::registry;

/// The grant of a tag; `None` where the hosts or fields that are written are none. A tag that asks for more is a problem.
///
/// What `allow` leaves out, a bundled tag gets as its manifest asks; any other tag does not get it.
pub(super) fn check(tag: Node<'_>, uses: Node<'_>, manifest: &Manifest, problems: &mut Vec<Problem>) -> Option<Grant> {
    let allow = tag.get("allow");
    let bundled = uses.text().is_some_and(registry::is_bundled);
    if allow.is_none() && !bundled {
        problems.push(
            Problem::new(uses.span(), "a tag that is not bundled is granted nothing by itself")
                .help(format!("add {}", ask(manifest))),
        );
        return None;
    }
    let at = allow.map_or(uses.span(), |allow| allow.name);
    let before = problems.len();
    let hosts = match allow.and_then(|allow| allow.get("hosts")) {
        Some(hosts_node) => hosts(hosts_node, problems).into_iter().map(|(host, _)| host).collect(),
        None if bundled => parsed(&manifest.hosts),
        None => Vec::new(),
    };
    // What is misspelt is not also said to be missing.
    let are_hosts = problems.len() == before;
    let before = problems.len();
    let fields = match allow.and_then(|allow| allow.get("fields")) {
        Some(fields_node) => fields(fields_node, problems),
        None if bundled => all_fields(manifest),
        None => Fields::default(),
    };
    let are_fields = problems.len() == before;

    let place = |key: &str| allow.and_then(|allow| allow.get(key)).map_or(at, |node| node.name);
    if are_hosts {
        check_hosts(manifest, &hosts, place("hosts"), problems);
    }
    for field in manifest.fields.iter().filter(|field| are_fields && !fields.covers(field)) {
        problems.push(
            Problem::new(place("fields"), format!("`{}` does not work without the field `{field}`", manifest.name))
                .help(format!("add \"{field}\" to `allow.fields`")),
        );
    }
    if !are_hosts || !are_fields {
        return None;
    }
    let flag = |key: &str| allow.and_then(|allow| allow.get(key)).and_then(Node::boolean).unwrap_or(false);
    Some(Grant {
        hosts,
        fields: fields.intersection(&all_fields(manifest)),
        private_network: flag("private_network"),
        plain_http: flag("plain_http"),
    })
}

/// The host patterns of an array, with their places; what is none becomes a problem.
pub(super) fn hosts(node: Node<'_>, problems: &mut Vec<Problem>) -> Vec<(HostPattern, Span)> {
    node.texts()
        .filter_map(|(text, span)| match HostPattern::parse(text) {
            Ok(pattern) => Some((pattern, span)),
            Err(error) => {
                problems.push(Problem::new(span, error.to_string()));
                None
            }
        })
        .collect()
}

/// What a tag asks for, as the `allow` that would grant it.
pub(crate) fn ask(manifest: &Manifest) -> String {
    let list =
        |texts: &mut dyn Iterator<Item = &String>| texts.map(|text| format!("{text:?}")).collect::<Vec<_>>().join(", ");
    let hosts = match manifest.hosts.as_slice() {
        [] => "\"…\"".to_owned(),
        hosts => list(&mut hosts.iter()),
    };
    let fields = list(&mut manifest.fields.iter().chain(&manifest.optional_fields));
    format!("`allow = {{ hosts = [{hosts}], fields = [{fields}] }}`")
}

fn check_hosts(manifest: &Manifest, granted: &[HostPattern], at: Span, problems: &mut Vec<Problem>) {
    if manifest.hosts.is_empty() && granted.is_empty() {
        problems.push(
            Problem::new(at, format!("`{}` sends to hosts of your choice, and none is granted", manifest.name))
                .help("name them: `allow = { hosts = [\"…\"] }`"),
        );
    }
    for host in parsed(&manifest.hosts) {
        if !granted.iter().any(|pattern| pattern.covers(&host)) {
            problems.push(
                Problem::new(at, format!("`{}` does not work without the host `{host}`", manifest.name))
                    .help(format!("add \"{host}\" to `allow.hosts`")),
            );
        }
    }
}

/// The patterns of a manifest, which was checked when it was read.
fn parsed(hosts: &[String]) -> Vec<HostPattern> {
    hosts.iter().filter_map(|host| HostPattern::parse(host).ok()).collect()
}

fn all_fields(manifest: &Manifest) -> Fields {
    Fields::parse(manifest.fields.iter().chain(&manifest.optional_fields)).unwrap_or_default()
}

fn fields(node: Node<'_>, problems: &mut Vec<Problem>) -> Fields {
    let mut fields = Fields::default();
    for (pattern, span) in node.texts() {
        if let Err(error) = fields.add(pattern) {
            problems.push(Problem::new(span, error.to_string()));
        }
    }
    fields
}
