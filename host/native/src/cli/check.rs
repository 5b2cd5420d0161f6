//! `tagyard check`: finds every mistake in a container file, or says what the container does.

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use tagyard_pipeline::container::model::{HeaderSecret, Tag, Webhook, WithoutConsent};

use crate::container::{self, Loaded, LoadedTag};
use crate::registry;

/// Check a container file: every mistake at once, or what the container does.
///
/// Finds unknown keys, wrong types, unknown tags, settings that a tag does not take, expressions that do not compile, and grants
/// and secrets that are missing, each with its line and, where it can be known, how to mend it. Secrets count as missing where
/// their environment variables are not set. Exits with 0 if the container is fine, and with 1 if it is not.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The container file.
    #[arg(value_name = "CONTAINER.toml")]
    container: PathBuf,
    /// Print each problem as one line, `FILE:LINE:COL: message (help)`.
    #[arg(long)]
    plain: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagyard check shop.toml
  tagyard check --plain shop.toml      one line for each mistake, for an editor or CI";

/// Exits with 0 if the container is fine, with 1 if it is not.
pub fn run(args: &Args) -> ExitCode {
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

/// What a container does, for a person.
struct Summary<'l>(&'l Loaded);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loaded { container, tags } = self.0;
        let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        writeln!(
            f,
            "container {}: {}, {}",
            container.name,
            count(container.collect.write_keys.len(), "write key"),
            count(tags.len(), "tag")
        )?;
        if let Some(prefix) = &container.collect.prefix {
            writeln!(f, "collects below {prefix} as well")?;
        }
        container.collect.webhooks.iter().try_for_each(|webhook| write_webhook(f, webhook))?;
        tags.iter().try_for_each(|tag| write_tag(f, tag))
    }
}

fn write_webhook(f: &mut fmt::Formatter<'_>, webhook: &Webhook) -> fmt::Result {
    writeln!(f, "\nwebhook {}", webhook.path)?;
    let mut line = |label: &str, value: &str| {
        writeln!(f, "  {label:<9} {}", value.split_whitespace().collect::<Vec<_>>().join(" "))
    };
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
        line("when", when.split_whitespace().collect::<Vec<_>>().join(" "))?;
    }
    if let Some(except) = &spec.except {
        line("except", except.split_whitespace().collect::<Vec<_>>().join(" "))?;
    }
    if let Some([from, until]) = &spec.between {
        line("between", format!("{from} and {until}"))?;
    }
    if let Some(share) = spec.sample {
        line("for", format!("{share} of the users"))?;
    }
    line("consent", if spec.consent.is_empty() { "none needed".to_owned() } else { needed(spec) })?;
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

/// The purposes that a tag needs, and what it gets without them.
fn needed(spec: &Tag) -> String {
    match spec.without_consent {
        WithoutConsent::Block => spec.consent.join(", "),
        WithoutConsent::Anonymise => format!("{}; without it, events are anonymised", spec.consent.join(", ")),
    }
}
