//! A container as an application for Spin: what `host/spin/README.md` says a manifest has to hold. What Spin cannot hold safely is refused
//! here, and every tag has passed its check before it is written anywhere.

mod json;
mod manifest;
mod names;
mod refuse;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};
use tagyard_pipeline::container::model::Limits;

use crate::container::{Finding, Loaded, LoadedTag, Report, Step, Written};
use crate::meter::{self, Budget};
use crate::registry::{self, TagComponent};
use crate::tag_check::{self, Passed, Trial};

pub(crate) use manifest::seen_from;
pub use manifest::{Build, Places};

/// A container that may run on Spin.
pub struct Application {
    name: String,
    /// The collector's variable `container`.
    deployment: Value,
    tags: Vec<SpinTag>,
    /// The variables of webhooks' senders' secrets.
    webhooks: Vec<String>,
}

/// A tag as a component of its own.
pub struct SpinTag {
    pub name: String,
    /// Its component's id.
    id: String,
    /// The name of its component's file.
    pub file: String,
    /// What was checked, and nothing else.
    pub component: TagComponent,
    pub passed: Passed,
    outbound: Vec<String>,
    /// The component's variables: a secret's, and that of the application whose value it has.
    secrets: Vec<(String, String)>,
}

/// How tags are checked.
#[derive(Clone, Copy, Debug)]
pub struct Trials {
    pub calls: u32,
    pub seed: u64,
    /// How many instructions each call is given, where tags are metered.
    pub metered: Option<u64>,
}

impl Application {
    /// Makes a container's application. `on_check` is told of each tag whose check begins.
    ///
    /// # Errors
    /// Everything that Spin cannot hold, at its place in the container file.
    pub fn new(
        written: &Written,
        loaded: &Loaded,
        trials: Trials,
        mut on_check: impl FnMut(&str),
    ) -> Result<Self, Report> {
        let found = refuse::findings(written, loaded);
        if !found.is_empty() {
            return Err(written.report(found));
        }
        let mut tags: Vec<SpinTag> = Vec::new();
        let mut failed = Vec::new();
        for (place, tag) in loaded.tags.iter().enumerate() {
            on_check(&tag.spec.name);
            match checked(tag, trials) {
                Ok((component, passed)) => tags.push(SpinTag {
                    name: tag.spec.name.clone(),
                    id: names::component(&tag.spec.name),
                    file: file(tag, &component, &tags),
                    component,
                    passed,
                    outbound: outbound(tag),
                    secrets: secrets(tag),
                }),
                Err((message, help)) => failed.push(Finding {
                    place: vec![Step::Key("tag"), Step::At(place), Step::Key("use")],
                    message,
                    help: Some(help),
                }),
            }
        }
        if !failed.is_empty() {
            return Err(written.report(failed));
        }
        let deployment = deployment(written.json(), loaded, &tags);
        Ok(Application { name: loaded.container.name.clone(), deployment, tags, webhooks: names::webhooks(loaded) })
    }

    /// Its tags, in the order of the container.
    pub fn tags(&self) -> &[SpinTag] {
        &self.tags
    }

    /// The application's variables, which whoever runs it gives values to.
    pub fn variables(&self) -> Vec<&str> {
        let secrets = self.tags.iter().flat_map(|tag| tag.secrets.iter().map(|(_, variable)| variable));
        let mut variables: Vec<&str> = self.webhooks.iter().chain(secrets).map(String::as_str).collect();
        variables.push(names::DRAIN_TOKEN);
        variables.sort_unstable();
        variables.dedup();
        variables
    }

    /// The manifest.
    pub fn manifest(&self, places: &Places) -> String {
        manifest::write(self, places)
    }
}

/// The component as it will run, once it has passed; else what is wrong, and what to do about it.
fn checked(tag: &LoadedTag, trials: Trials) -> Result<(TagComponent, Passed), (String, String)> {
    let name = &tag.component.manifest.name;
    let component = match trials.metered {
        Some(instructions) => metered(tag, instructions)
            .map_err(|error| (format!("`{name}` cannot be metered: {error}"), "leave out --metered".to_owned()))?,
        None => TagComponent::read(Cow::Owned(tag.component.bytes.to_vec()))
            .map_err(|error| (error.to_string(), "see `tagyard tag inspect`".to_owned()))?,
    };
    let settings = Value::Object(tag.spec.settings.clone()).to_string();
    let passed = tag_check::check(&Trial {
        component: &component,
        fields: &tag.grant.fields,
        limits: &tag.spec.limits,
        settings: vec![settings],
        // With the container's settings, as that is how it will run.
        examples: registry::bundled_examples(&tag.spec.uses)
            .unwrap_or_default()
            .into_iter()
            .map(|example| registry::Example {
                settings: Value::Object(tag.spec.settings.clone()).to_string(),
                ..example
            })
            .collect(),
        calls: trials.calls,
        seed: trials.seed,
    });
    let help =
        "Spin does not interrupt a tag, so one that has not passed does not go there; `tagyard tag check` shows more";
    match passed {
        Ok(passed) => Ok((component, passed)),
        Err(error) => Err((format!("`{name}` has not passed its check {error}"), help.to_owned())),
    }
}

fn metered(tag: &LoadedTag, instructions: u64) -> Result<TagComponent, String> {
    let Limits { memory_mib, .. } = tag.spec.limits;
    let bytes =
        meter::meter(&tag.component.bytes, Budget { instructions, memory_mib }).map_err(|error| error.to_string())?;
    TagComponent::read(Cow::Owned(bytes)).map_err(|error| error.to_string())
}

/// A file's name for a component; tags with the same bytes share it.
fn file(tag: &LoadedTag, component: &TagComponent, before: &[SpinTag]) -> String {
    if let Some(same) = before.iter().find(|other| other.component.sha256 == component.sha256) {
        return same.file.clone();
    }
    let stem = std::path::Path::new(&tag.spec.uses).file_stem().unwrap_or_default().to_string_lossy();
    let stem: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' }).collect();
    let mut file = format!("{stem}.wasm");
    let mut number = 2;
    while before.iter().any(|other| other.file == file) {
        file = format!("{stem}-{number}.wasm");
        number += 1;
    }
    file
}

/// What a tag's component may send to.
fn outbound(tag: &LoadedTag) -> Vec<String> {
    let mut urls = Vec::new();
    for host in tag.grant.hosts.iter().map(ToString::to_string) {
        if tag.grant.plain_http {
            // Without a port Spin would take it for port 80.
            let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            urls.push(if has_port { format!("http://{host}") } else { format!("http://{host}:443") });
        }
        urls.push(format!("https://{host}"));
    }
    urls.sort();
    urls.dedup();
    urls
}

fn secrets(tag: &LoadedTag) -> Vec<(String, String)> {
    tag.secrets().map(|source| (names::of_secret(source.name), names::variable(source.env))).collect()
}

/// The container as it was checked, and where its tags are.
fn deployment(mut container: Value, loaded: &Loaded, tags: &[SpinTag]) -> Value {
    let written = container.get_mut("tag").and_then(Value::as_array_mut);
    for (entry, tag) in written.into_iter().flatten().zip(&loaded.tags) {
        let Value::Object(entry) = entry else { continue };
        entry.insert("settings".to_owned(), Value::Object(tag.spec.settings.clone()));
        let hosts: Vec<String> = tag.grant.hosts.iter().map(ToString::to_string).collect();
        let mut allow = json!({ "hosts": hosts, "fields": tag.granted_fields() });
        if tag.grant.plain_http {
            allow["plain_http"] = true.into();
        }
        entry.insert("allow".to_owned(), allow);
    }
    let places: BTreeMap<&str, Value> = tags
        .iter()
        .map(|tag| {
            let place = json!({ "component": tag.id, "max_batch": tag.component.manifest.max_batch });
            (tag.name.as_str(), place)
        })
        .collect();
    json!({ "container": container, "tags": places })
}
