//! `spin.toml`, as far as the stand-in knows it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use wasmtime::Result;
use wasmtime::error::{Context, bail, format_err};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    spin_manifest_version: u32,
    #[serde(rename = "application")]
    _application: toml::Table,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    trigger: Triggers,
    component: BTreeMap<String, ComponentTable>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    #[serde(default)]
    default: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default, rename = "secret")]
    _secret: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Triggers {
    http: Vec<Trigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trigger {
    route: Route,
    component: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Route {
    Public(String),
    Private { private: bool },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ComponentTable {
    source: PathBuf,
    #[serde(default)]
    allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    key_value_stores: Vec<String>,
    #[serde(default)]
    variables: BTreeMap<String, String>,
    #[serde(default)]
    dependencies: BTreeMap<String, Dependency>,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    #[serde(default, rename = "build")]
    _build: Option<toml::Table>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dependency {
    path: PathBuf,
}

/// An application that is ready to be served.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) components: BTreeMap<String, Component>,
    /// The component that has the public route `/...`.
    pub(crate) public: String,
}

#[derive(Debug)]
pub(crate) struct Component {
    pub(crate) source: PathBuf,
    pub(crate) allowed_outbound_hosts: Vec<String>,
    pub(crate) key_value_stores: Vec<String>,
    /// With the templates filled in.
    pub(crate) variables: BTreeMap<String, String>,
    /// By the name of the import.
    pub(crate) dependencies: BTreeMap<String, PathBuf>,
}

/// Reads a manifest. `given` are `NAME=VALUE`; others are looked for in the environment, as `SPIN_VARIABLE_NAME`.
pub(crate) fn read(path: &Path, given: &[String]) -> Result<Application> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let manifest: Manifest = toml::from_str(&text)?;
    if manifest.spin_manifest_version != 2 {
        bail!("the manifest has version {}", manifest.spin_manifest_version);
    }
    let base = path.parent().unwrap_or(Path::new(""));
    let values = values(manifest.variables, given)?;
    let mut public = None;
    for trigger in &manifest.trigger.http {
        if !manifest.component.contains_key(&trigger.component) {
            bail!("there is no component `{}`", trigger.component);
        }
        match &trigger.route {
            Route::Public(route) if route == "/..." => public = Some(trigger.component.clone()),
            Route::Private { private: true } => {}
            route => bail!("the stand-in does not know the route {route:?}"),
        }
    }
    let routed = |id: &String| manifest.trigger.http.iter().any(|trigger| trigger.component == *id);
    let mut components = BTreeMap::new();
    for (id, table) in manifest.component {
        if !routed(&id) {
            bail!("the component `{id}` has no route");
        }
        check_id(&id)?;
        let fill = |(name, template): (String, String)| Ok((name, filled(&template, &values)?));
        let component = Component {
            source: base.join(table.source),
            allowed_outbound_hosts: table.allowed_outbound_hosts,
            key_value_stores: table.key_value_stores,
            variables: table.variables.into_iter().map(fill).collect::<Result<_>>()?,
            dependencies: table.dependencies.into_iter().map(|(name, it)| (name, base.join(it.path))).collect(),
        };
        components.insert(id, component);
    }
    Ok(Application { components, public: public.ok_or_else(|| format_err!("there is no route `/...`"))? })
}

fn values(declared: BTreeMap<String, Variable>, given: &[String]) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (name, variable) in declared {
        check_name(&name)?;
        let of_options = given.iter().filter_map(|given| given.split_once('=')).find(|(given, _)| *given == name);
        let environment = || std::env::var(format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase())).ok();
        match of_options.map(|(_, value)| value.to_owned()).or_else(environment).or(variable.default) {
            Some(value) => drop(values.insert(name, value)),
            None if variable.required => bail!("the variable `{name}` is required, and has no value"),
            None => {}
        }
    }
    Ok(values)
}

/// A template, as Spin reads it: from `{{` to the next `}}` stands a variable's name.
fn filled(template: &str, values: &BTreeMap<String, String>) -> Result<String> {
    let (mut out, mut rest) = (String::new(), template);
    while let Some((before, from)) = rest.split_once("{{") {
        let (name, after) = from.split_once("}}").ok_or_else(|| format_err!("an unmatched '{{{{' in a template"))?;
        let value = values.get(name.trim()).ok_or_else(|| format_err!("there is no variable `{}`", name.trim()))?;
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Spin's rules for a variable's name.
fn check_name(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(is_plain)
        && !name.contains("__")
        && !name.ends_with('_');
    if is_name { Ok(()) } else { bail!("`{name}` is no name of a variable") }
}

/// A component's id: words that begin with a letter.
fn check_id(id: &str) -> Result<()> {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    if id.split('-').all(is_word) { Ok(()) } else { bail!("`{id}` is no id of a component") }
}
