//! `tagyard tag inspect`: what a component says of itself, read without running it.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::json;
use tagyard_pipeline::manifest::Manifest;

use super::tag_check;
use crate::meter::Budget;
use crate::registry::{self, RegistryError, TagComponent};

/// Look at tags.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show what a tag is and asks for, without running it.
    Inspect(Inspect),
    Check(tag_check::Args),
}

/// Show what a tag is and asks for, without running it.
///
/// Prints its manifest, size, sha256 and imports, the hosts, fields and secrets that it asks for, and an entry for a container
/// that grants them all, to be filled in and narrowed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Inspect {
    #[arg(value_name = "FILE.wasm|NAME", help = which())]
    tag: String,
    /// Print it as JSON, with the JSON Schema of the tag's settings.
    #[arg(long)]
    json: bool,
}

/// The help of `tag`, which knows what is bundled.
pub(super) fn which() -> String {
    let names: Vec<&str> = registry::bundled_names().collect();
    format!("A component's file, or the name of a bundled tag: {}", names.join(", "))
}

const EXAMPLES: &str = "\
Examples:
  tagyard tag inspect ga4
  tagyard tag inspect ./target/wasm32-wasip2/release/my_tag.wasm
  tagyard tag inspect --json ga4 | jq .manifest.settings";

/// Exits with 1 if there is no such tag, or it is none.
pub fn run(command: &Command) -> ExitCode {
    match command {
        Command::Inspect(args) => inspect(args),
        Command::Check(args) => tag_check::run(args),
    }
}

fn inspect(args: &Inspect) -> ExitCode {
    // Nobody is left to tell when the output is closed; the exit code says it.
    match registry::open(&args.tag) {
        Ok((uses, component)) => {
            let _ = match args.json {
                true => writeln!(io::stdout(), "{:#}", as_json(&component)),
                false => write!(io::stdout(), "{}", Description { uses: &uses, component: &component }),
            };
            ExitCode::SUCCESS
        }
        Err(error) => no_tag(&error),
    }
}

pub(super) fn no_tag(error: &RegistryError) -> ExitCode {
    let help = error.help().map(|help| format!(" ({help})")).unwrap_or_default();
    let _ = writeln!(io::stderr(), "{error}{help}");
    ExitCode::FAILURE
}

fn as_json(component: &TagComponent) -> serde_json::Value {
    json!({
        "manifest": component.manifest,
        "imports": component.imports,
        "exports": component.exports,
        "bytes": component.bytes.len(),
        "sha256": component.sha256,
        "metered": component.metered.map(|budget| json!({
            "instructions": budget.instructions,
            "memory_mib": budget.memory_mib,
        })),
    })
}

struct Description<'c> {
    uses: &'c str,
    component: &'c TagComponent,
}

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TagComponent { bytes, manifest, imports, sha256, metered, .. } = self.component;
        writeln!(f, "{} {}: {}\n", manifest.name, manifest.version, manifest.description)?;
        let none = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
        let mut line = |label: &str, value: String| writeln!(f, "  {label:<13} {value}");
        line("size", format!("{:.1} KiB", bytes.len() as f64 / 1024.0))?;
        line("sha256", sha256.clone())?;
        line("imports", none(imports))?;
        if let Some(Budget { instructions, memory_mib }) = metered {
            let millions = instructions / 1_000_000;
            line(
                "metered",
                format!("it stops itself at {millions} million instructions, and has {memory_mib} MiB at most"),
            )?;
        }
        line(
            "batch",
            format!(
                "up to {} a call",
                if manifest.max_batch == 1 { "1 event".to_owned() } else { format!("{} events", manifest.max_batch) }
            ),
        )?;
        line(
            "sends to",
            if manifest.hosts.is_empty() { "hosts of your choice".to_owned() } else { none(&manifest.hosts) },
        )?;
        line("has to see", none(&manifest.fields))?;
        line("may see", none(&manifest.optional_fields))?;
        for (name, about) in &manifest.secrets {
            line("secret", format!("{name}: {about}"))?;
        }
        writeln!(f, "\nTo use it, with all that it asks for:\n\n{}", Entry { uses: self.uses, manifest })
    }
}

/// A tag's entry in a container file, to be filled in.
struct Entry<'e> {
    uses: &'e str,
    manifest: &'e Manifest,
}

impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { uses, manifest } = self;
        writeln!(f, "[[tag]]\nname = {}\nuse = {}", quoted(&manifest.name), quoted(uses))?;
        let required: Vec<String> = required_settings(manifest).map(|name| format!("{} = …", key(name))).collect();
        if !required.is_empty() {
            writeln!(f, "settings = {{ {} }}", required.join(", "))?;
        }
        if !manifest.secrets.is_empty() {
            writeln!(f, "\n  [tag.secrets]")?;
            for name in manifest.secrets.keys() {
                writeln!(f, "  {} = {{ env = {} }}", key(name), quoted(&variable(&manifest.name, name)))?;
            }
        }
        let hosts = if manifest.hosts.is_empty() { "…".to_owned() } else { list(manifest.hosts.iter()) };
        let fields = list(manifest.fields.iter().chain(&manifest.optional_fields));
        write!(f, "\n  [tag.allow]\n  hosts = [{hosts}]\n  fields = [{fields}]")
    }
}

fn required_settings(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let required = manifest.settings.get("required").and_then(serde_json::Value::as_array);
    required.into_iter().flatten().filter_map(serde_json::Value::as_str)
}

fn list<'t>(texts: impl Iterator<Item = &'t String>) -> String {
    texts.map(|text| quoted(text)).collect::<Vec<_>>().join(", ")
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A TOML key, bare where it may be.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { quoted(name) }
}

/// A name for the environment variable that holds a secret: `GA4_API_SECRET`.
fn variable(tag: &str, secret: &str) -> String {
    let secret = secret.strip_prefix(tag).unwrap_or(secret);
    format!("{tag}_{secret}").to_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}
