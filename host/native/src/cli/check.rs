//! `tagyard check`: finds every mistake in a container file, or says what the container does.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value;
use tagyard_pipeline::container::model::{HeaderSecret, Tag, Transform, Webhook, WithoutConsent};
use tagyard_pipeline::transform::change_names;

use super::{check_identity, check_visitors, counted, fail};
use crate::container::{self, Loaded, LoadedTag, Report};
use crate::registry;

/// Check a container file: every mistake at once, or what the container does.
///
/// Finds unknown keys, wrong types, unknown tags, settings that a tag does not take, expressions that do not compile, and grants
/// and secrets that are missing, each with its line and, where it can be known, how to mend it. Secrets count as missing where
/// their environment variables are not set. Of a folder it also finds what two containers claim: a name, a write key, a host name. Exits with 0 if the container is fine, and with 1 if it is not.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The container file, or a folder in which each `*.toml` is a container.
    #[arg(value_name = "CONTAINER.toml|DIR")]
    container: PathBuf,
    /// Print each problem as one line, `FILE:LINE:COL: message (help)`.
    #[arg(long)]
    plain: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagyard check shop.toml
  tagyard check containers/            each `*.toml` in it, and whether they go together
  tagyard check --plain shop.toml      one line for each mistake, for an editor or CI";

/// Exits with 0 if the container is fine, with 1 if it is not.
pub fn run(args: &Args) -> ExitCode {
    if args.container.is_dir() {
        return check_folder(args);
    }
    // Nobody is left to tell when the output is closed; the exit code says it.
    match container::load(&args.container, container::environment) {
        Ok(loaded) => {
            let _ = writeln!(io::stdout(), "{} is fine\n\n{}", args.container.display(), Summary(&loaded));
            ExitCode::SUCCESS
        }
        Err(report) => {
            let _ = match args.plain {
                true => writeln!(io::stderr(), "{report}"),
                false => writeln!(io::stderr(), "{}", report.pretty()),
            };
            ExitCode::FAILURE
        }
    }
}

/// Each file alone, and then whether they go together.
fn check_folder(args: &Args) -> ExitCode {
    let paths = match container::folder_files(&args.container) {
        Ok(paths) => paths,
        Err(error) => return fail(&format!("{} cannot be read: {error}", args.container.display())),
    };
    if paths.is_empty() {
        let folder = args.container.display();
        return fail(&format!("there is no container file in {folder}: each `*.toml` in it is one"));
    }
    let shown = |report: &Report| match args.plain {
        true => report.to_string(),
        false => report.pretty().to_string(),
    };
    let mut good = Vec::new();
    let mut is_fine = true;
    for path in &paths {
        match container::load_one(path, container::environment) {
            Ok((claims, loaded)) => {
                let keys = counted(claims.collect.write_keys.len() as u64, "write key");
                let hosts = match claims.collect.hosts.as_slice() {
                    [] => String::new(),
                    hosts => format!(" at {}", hosts.join(", ")),
                };
                let tags = counted(loaded.tags.len() as u64, "tag");
                let _ = writeln!(io::stdout(), "{} is fine: {}, {keys}{hosts}, {tags}", path.display(), claims.name);
                good.push(claims);
            }
            Err(report) => {
                let _ = writeln!(io::stderr(), "{}", shown(&report));
                is_fine = false;
            }
        }
    }
    for clash in container::clashes(&good) {
        let _ = writeln!(io::stderr(), "{}", shown(&clash.report));
        is_fine = false;
    }
    if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a container does, for a person.
struct Summary<'l>(&'l Loaded);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loaded { container, tags, .. } = self.0;
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        writeln!(
            f,
            "container {}: {}, {}",
            container.name,
            count(container.collect.write_keys.len(), "write key"),
            count(tags.len(), "tag")
        )?;
        if !container.collect.hosts.is_empty() {
            writeln!(f, "among several containers, it is that of {}", container.collect.hosts.join(", "))?;
        }
        if let Some(prefix) = &container.collect.prefix {
            writeln!(f, "collects below {prefix} as well")?;
        }
        for change in container.transforms.iter().map(in_short) {
            writeln!(f, "changes {change}")?;
        }
        check_visitors::lines(self.0).iter().try_for_each(|line| writeln!(f, "{line}"))?;
        container.collect.webhooks.iter().try_for_each(|webhook| write_webhook(f, webhook))?;
        container.identity.iter().try_for_each(|identity| check_identity::write(f, identity))?;
        tags.iter().try_for_each(|tag| write_tag(f, tag))
    }
}

fn write_webhook(f: &mut fmt::Formatter<'_>, webhook: &Webhook) -> fmt::Result {
    writeln!(f, "\nwebhook {}", webhook.path)?;
    let mut line = |label: &str, value: &str| writeln!(f, "  {label:<9} {}", in_one_line(value));
    let shown = |secret: &HeaderSecret, what: &str| format!("{what} {} with {}", secret.header, secret.env);
    let key = webhook.key.as_ref().map(|key| shown(key, "who sends"));
    let signature = webhook.signature.as_ref().map(|signature| shown(signature, "who signs in"));
    let from: Vec<String> = key.into_iter().chain(signature).collect();
    line("from", &if from.is_empty() { "who sends a write key".to_owned() } else { from.join(", and ") })?;
    if let Some(each) = &webhook.each {
        line("each", each)?;
    }
    if let Some(when) = &webhook.when {
        line("when", when)?;
    }
    line("sets", &webhook.set.keys().cloned().collect::<Vec<_>>().join(", "))
}

fn write_tag(f: &mut fmt::Formatter<'_>, tag: &LoadedTag) -> fmt::Result {
    let LoadedTag { spec, component, grant } = tag;
    let origin = if registry::is_bundled(&spec.uses) { "bundled" } else { &spec.uses };
    writeln!(f, "\n{} ({} {}, {origin})", spec.name, component.manifest.name, component.manifest.version)?;
    let mut line = |label: &str, value: String| writeln!(f, "  {label:<9} {value}");
    line("runs on", spec.on.as_ref().map_or("every event".to_owned(), |on| on.join(", ")))?;
    if let Some(when) = &spec.when {
        line("when", in_one_line(when))?;
    }
    if let Some(except) = &spec.except {
        line("except", in_one_line(except))?;
    }
    if let Some([from, until]) = &spec.between {
        line("between", format!("{from} and {until}"))?;
    }
    if let Some(share) = spec.sample {
        line("for", format!("{share} of the users"))?;
    }
    line("consent", if spec.consent.is_empty() { "none needed".to_owned() } else { needed(spec) })?;
    for change in spec.transforms.iter().map(in_short) {
        line("changes", change)?;
    }
    let hosts: Vec<String> = grant.hosts.iter().map(ToString::to_string).collect();
    let over = [(grant.private_network, "private addresses too"), (grant.plain_http, "plain http too")];
    let over: Vec<&str> = over.into_iter().filter_map(|(on, what)| on.then_some(what)).collect();
    line(
        "sends to",
        [hosts.join(", "), over.join(", ")]
            .iter()
            .filter(|part| !part.is_empty())
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("; "),
    )?;
    line("sees", tag.granted_fields().join(", "))?;
    if !spec.secrets.is_empty() {
        line(
            "secrets",
            tag.secrets().map(|secret| format!("{} from {}", secret.name, secret.env)).collect::<Vec<_>>().join(", "),
        )?;
    }
    Ok(())
}

/// A transformation by its key and the fields that it is about: `drop context.ip`.
fn in_short(transform: &Transform) -> String {
    let json = serde_json::to_value(transform).unwrap_or_default();
    let names = |value: &Value| match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Object(object) => object.keys().cloned().collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let change = change_names().find_map(|name| {
        let value = json.get(name).filter(|value| !value.is_null())?;
        let fields = names(value.get("fields").unwrap_or(value));
        Some([name.to_owned(), fields.join(", ")].join(" ").trim_end().to_owned())
    });
    let tags = transform.tags.as_ref().map(|tags| format!(", for {}", tags.join(", "))).unwrap_or_default();
    let when = transform.when.as_ref().map(|when| format!(", when {}", in_one_line(when))).unwrap_or_default();
    format!("{}{tags}{when}", change.unwrap_or_default())
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The purposes that a tag needs, and what it gets without them.
fn needed(spec: &Tag) -> String {
    match spec.without_consent {
        WithoutConsent::Block => spec.consent.join(", "),
        WithoutConsent::Anonymise => format!("{}; without it, events are anonymised", spec.consent.join(", ")),
    }
}
