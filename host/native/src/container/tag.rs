//! `[[tag]]`: its component, settings, trigger, grant and secrets.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;
use tagyard_pipeline::container::model;
use tagyard_pipeline::grants::Grant;

use super::node::Node;
use super::problem::{Problem, Span};
use super::{LoadedTag, Surroundings, condition, grant, schema, secret, transform};
use crate::registry::{self, TagComponent};
use crate::text::Position;

/// What the check of a tag found out, to load it with.
pub(super) struct Checked {
    component: Arc<TagComponent>,
    grant: Grant,
}

impl Checked {
    pub(super) fn load(self, mut spec: model::Tag) -> LoadedTag {
        for (name, default) in self.component.manifest.default_settings() {
            spec.settings.entry(name).or_insert(default);
        }
        LoadedTag { spec, component: self.component, grant: self.grant }
    }
}

/// Checks all tags. If that adds no problem, the result has an element for each tag.
pub(super) fn check(
    root: Node<'_>,
    file: &str,
    surroundings: &Surroundings<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Checked> {
    let mut names: HashMap<&str, Span> = HashMap::new();
    // Several tags may be one component; it is read once.
    let mut components: HashMap<&str, Option<Arc<TagComponent>>> = HashMap::new();
    let mut checked = Vec::new();
    for tag in root.get("tag").into_iter().flat_map(Node::items) {
        if let Some((name, node)) = tag.get("name").and_then(|name| Some((name.text()?, name))) {
            if let Some(first) = names.get(name) {
                let line = Position::of(file, first.start).line;
                problems.push(
                    Problem::new(node.span(), format!("two tags are named `{name}`; the first is in line {line}"))
                        .help("a tag's name is its own: journal positions and metrics go by it"),
                );
            }
            names.entry(name).or_insert(node.span());
        }
        condition::check(tag, file, problems);
        transform::check_own(tag, file, problems);
        let Some((uses, node)) = tag.get("use").and_then(|uses| Some((uses.text()?, uses))) else { continue };
        let component = components.entry(uses).or_insert_with(|| resolve(uses, node, surroundings, problems));
        if let Some(component) = component {
            checked.extend(check_with(tag, node, component, surroundings, problems));
        }
    }
    checked
}

fn resolve(
    uses: &str,
    node: Node<'_>,
    surroundings: &Surroundings<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Arc<TagComponent>> {
    match registry::resolve(uses, surroundings.base) {
        Ok(component) => Some(Arc::new(component)),
        Err(error) => {
            let problem = Problem::new(node.span(), error.to_string());
            problems.push(match error.help() {
                Some(help) => problem.help(help),
                None => problem,
            });
            None
        }
    }
}

/// Checks a tag against its component's manifest.
fn check_with(
    tag: Node<'_>,
    uses: Node<'_>,
    component: &Arc<TagComponent>,
    surroundings: &Surroundings<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Checked> {
    let manifest = &component.manifest;
    let grant = grant::check(tag, uses, manifest, problems);
    secret::check(tag, manifest, grant.as_ref().map(|grant| grant.hosts.as_slice()), surroundings, problems);

    let settings = tag.get("settings").unwrap_or(tag);
    let mut values = manifest.default_settings();
    // Numbers out of range were reported with the file as a whole.
    values.extend(tag.get("settings").map(|node| node.to_object(&mut Vec::new())).unwrap_or_default());
    let schema = Value::Object(manifest.settings.clone());
    schema::check(&schema, settings, &Value::Object(values), "setting", problems);
    Some(Checked { component: Arc::clone(component), grant: grant? })
}
