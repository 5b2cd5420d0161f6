//! The container file: read, checked, and every mistake in it found at once.

mod collect;
mod components;
mod condition;
mod edge;
mod editor;
mod expression;
mod fault;
mod folder;
mod grant;
mod identity;
mod node;
mod problem;
pub(crate) mod schema;
mod secret;
mod tag;
mod transform;
mod vars;
mod webhook;
mod written;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use tagyard_pipeline::container::model;
use tagyard_pipeline::enrich::{Enrichment, EnrichmentError, Locate};
use tagyard_pipeline::grants::Grant;
use tagyard_pipeline::plan::Shared;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::geo::Database;
use crate::registry::TagComponent;
use crate::text::Position;
use node::Node;

pub use components::files;
pub use editor::editor_schema;
pub use folder::{Claims, Clashing, clashes, folder_files, load_one};
pub use problem::{Pretty, Problem, Report, Span};
pub use schema::container_schema;
pub use written::{Finding, Step, Written};

/// The longest container file; some ten thousand tags.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// A container that holds together: whatever it names is there, and every tag has what it asks for.
#[derive(Debug)]
pub struct Loaded {
    pub container: model::Container,
    /// In the order of the file.
    pub tags: Vec<LoadedTag>,
    /// The database of addresses that it names.
    pub(crate) database: Option<Arc<Database>>,
}

/// One tag of a container.
#[derive(Clone, Debug)]
pub struct LoadedTag {
    /// As the file has it, with the defaults of the tag's settings filled in.
    pub spec: model::Tag,
    pub component: Arc<TagComponent>,
    pub grant: Grant,
}

/// Where a secret's value is to be read, and where it may go. The value itself is not kept here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SecretSource<'l> {
    pub name: &'l str,
    /// The environment variable.
    pub env: &'l str,
    /// `None`: to every host the tag is granted.
    pub hosts: Option<&'l [String]>,
}

impl Loaded {
    /// How its events are enriched.
    ///
    /// # Errors
    /// None, for a container that was checked.
    pub fn enrichment(&self, shared: &Shared) -> Result<Enrichment, EnrichmentError> {
        let database = self.database.clone().map(|database| database as Arc<dyn Locate>);
        Enrichment::compile(&self.container, shared.rules().asked(), database)
    }
}

impl LoadedTag {
    /// The grant's fields as patterns: of what the manifest asks for and the container allows, the narrower.
    pub fn granted_fields(&self) -> Vec<String> {
        let manifest = &self.component.manifest;
        let allowed = self.spec.allow.as_ref().and_then(|allow| allow.fields.as_deref()).unwrap_or_default();
        let mut fields: Vec<String> = Vec::new();
        for field in manifest.fields.iter().chain(&manifest.optional_fields).chain(allowed) {
            if self.grant.fields.covers(field) && !fields.contains(field) {
                fields.push(field.clone());
            }
        }
        fields
    }

    pub fn secrets(&self) -> impl Iterator<Item = SecretSource<'_>> {
        self.spec.secrets.iter().map(|(name, secret)| SecretSource {
            name,
            env: &secret.env,
            hosts: secret.hosts.as_deref(),
        })
    }
}

/// Loads a container file. Its secrets are in `env`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path, env: Environment) -> Result<Loaded, Report> {
    load_text(path, &text_of(path)?, env)
}

/// Loads a container from what its file said.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_text(path: &Path, text: &str, env: Environment) -> Result<Loaded, Report> {
    parse(&path.display().to_string(), text, path.parent().unwrap_or(Path::new("")), env)
}

/// Loads a container from a text. `file` is its name in the report, `base` the folder that its paths are relative to.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(file: &str, text: &str, base: &Path, env: Environment) -> Result<Loaded, Report> {
    check(text, &Surroundings { base, env }).map_err(|problems| Report::new(file, text, problems))
}

/// Where the values of secrets come from, by the name of an environment variable.
pub type Environment = fn(&str) -> Option<String>;

/// The process's own environment. A variable that is set to nothing is a secret that somebody forgot.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What a container refers to outside its file.
struct Surroundings<'s> {
    /// The folder that paths are relative to.
    base: &'s Path,
    env: Environment,
}

fn check(text: &str, surroundings: &Surroundings<'_>) -> Result<Loaded, Vec<Problem>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What the parser made up to go on is not worth checking.
        return Err(syntax(text, &errors));
    }
    let document = Spanned::new(document.span(), DeValue::Table(document.into_inner()));
    let root = Node::root(&document);

    let mut problems = Vec::new();
    let json = root.to_json(&mut problems);
    schema::check_container(root, &json, &mut problems);
    collect::check(root, &mut problems);
    webhook::check(root, text, surroundings, &mut problems);
    transform::check_shared(root, text, &mut problems);
    vars::check(root, text, &mut problems);
    condition::check_consent(root, &mut problems);
    identity::check(root, &mut problems);
    let database = edge::check(root, surroundings, &mut problems);
    let tags = tag::check(root, text, surroundings, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }

    let whole = |error: serde_json::Error| vec![Problem::new(root.name, error.to_string())];
    let container: model::Container = serde_json::from_value(json).map_err(whole)?;
    let tags = container.tags.iter().zip(tags).map(|(spec, checked)| checked.load(spec.clone())).collect();
    Ok(Loaded { container, tags, database })
}

/// The first error of each line, up to one in an array: where that is not closed, the parser stumbles over every line after.
fn syntax(text: &str, errors: &[toml::de::Error]) -> Vec<Problem> {
    let end = Span { start: text.len(), end: text.len() };
    let mut lines = BTreeMap::new();
    for error in errors {
        let span = error.span().map_or(end, Span::from);
        let line = Position::of(text, span.start).line;
        lines.entry(line).or_insert_with(|| Problem::new(span, error.message().replace('\n', ", ")));
        if error.message().contains("array") {
            break;
        }
    }
    lines.into_values().collect()
}

fn text_of(path: &Path) -> Result<String, Report> {
    read(path).map_err(|error| {
        let problem = Problem::new(Span { start: 0, end: 0 }, format!("cannot read it: {error}"));
        Report::new(&path.display().to_string(), "", vec![problem])
    })
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    #[expect(clippy::disallowed_methods, reason = "bounded by `take`")]
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length > MAX_FILE_BYTES) {
        return Err(std::io::Error::other(format!("it is larger than {} MiB", MAX_FILE_BYTES >> 20)));
    }
    Ok(text)
}
