//! `tagyard tag check`: whether a tag may go where nobody interrupts it.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};
use tagyard_pipeline::container::model::Limits;
use tagyard_pipeline::path::Fields;

use super::fail;
use super::tag::{no_tag, which};
use super::r#try::printable;
use crate::registry::{self, Example, TagComponent};
use crate::tag_check::{self, CALLS, CheckError, Passed, Trial};

/// Check that a tag keeps to its limits, whatever comes in.
///
/// Runs it with its examples and with made-up events: examples changed at random, and lists, texts and batches as long as they may be.
/// Instructions are counted instead of time, so the same tag and seed give the same again on any machine. A tag that loops, traps, takes more
/// memory than it may, or returns what cannot be meant does not pass. `tagyard spin` does this for each tag by itself, with the container's
/// settings.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[arg(value_name = "FILE.wasm|NAME", help = which())]
    tag: String,
    /// A folder of examples, for a tag that is not bundled: JSON files with `event` and `settings`
    #[arg(long, value_name = "FOLDER")]
    examples: Option<PathBuf>,
    /// Settings as JSON, in the place of the examples' own
    #[arg(long, value_name = "JSON")]
    settings: Option<String>,
    /// How many calls with made-up events
    #[arg(long, value_name = "NUMBER", default_value_t = CALLS)]
    calls: u32,
    /// What they are made up from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// As `limits.deadline_ms` in a container; a millisecond is a million instructions
    #[arg(long, value_name = "MS", default_value_t = Limits::default().deadline_ms, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    deadline_ms: u32,
    /// As `limits.memory_mib` in a container
    #[arg(long, value_name = "MIB", default_value_t = Limits::default().memory_mib, value_parser = clap::value_parser!(u32).range(1..=256))]
    memory_mib: u32,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagyard tag check ga4
  tagyard tag check ./my_tag.wasm --examples examples
  tagyard tag check ./my_tag.wasm --settings '{\"url\": \"https://hooks.example/\"}' --seed 7

Exits with 0 if it has passed, and with 1 if not.";

/// Exits with 0 if the tag has passed.
pub(super) fn run(args: &Args) -> ExitCode {
    let (_, component) = match registry::open(&args.tag) {
        Ok(opened) => opened,
        Err(error) => return no_tag(&error),
    };
    let (examples, settings) = match material(args, &component) {
        Ok(material) => material,
        Err(problem) => return fail(&problem),
    };
    let manifest = &component.manifest;
    let fields = Fields::parse(manifest.fields.iter().chain(&manifest.optional_fields)).unwrap_or_default();
    let limits = Limits { deadline_ms: args.deadline_ms, memory_mib: args.memory_mib };
    let (calls, seed) = (args.calls, args.seed);
    let trial = Trial { component: &component, fields: &fields, limits: &limits, settings, examples, calls, seed };
    let result = tag_check::check(&trial);
    match (&result, args.json) {
        (_, true) => say!("{:#}", as_json(&component, &result)),
        (Ok(passed), false) => {
            say!("{} {} has passed: {}", manifest.name, manifest.version, tried(passed));
            say!(
                "  instructions  {} of {} at most, with {}",
                millions(passed.instructions.0),
                millions(passed.most),
                passed.instructions.1
            );
            say!(
                "  memory        {} of {} MiB at most, with {}",
                mib(passed.memory.0),
                limits.memory_mib,
                passed.memory.1
            );
        }
        (Err(error), false) => {
            eprintln!("{} {} has not passed {}", manifest.name, manifest.version, printable(&error.to_string()));
            if let CheckError::Failed { events, .. } = error {
                events.lines().for_each(|event| eprintln!("  {}", printable(event)));
            }
        }
    }
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What was tried, for a person.
pub(super) fn tried(passed: &Passed) -> String {
    let s = |count: usize| if count == 1 { "" } else { "s" };
    let (examples, calls) = (passed.examples, passed.calls);
    format!("{examples} example{}, {calls} call{} with made-up events", s(examples), s(calls as usize))
}

/// Instructions in millions.
pub(super) fn millions(instructions: u64) -> String {
    format!("{:.1} million", instructions as f64 / 1e6)
}

pub(super) fn mib(bytes: usize) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

/// The examples and the settings to try.
fn material(args: &Args, component: &TagComponent) -> Result<(Vec<Example>, Vec<String>), String> {
    let mut examples = match &args.examples {
        Some(folder) => registry::examples_in(folder).map_err(|error| error.to_string())?,
        None => registry::bundled_examples(&args.tag).map_err(|error| error.to_string())?,
    };
    if let Some(given) = &args.settings {
        let given: Value = serde_json::from_str(given).map_err(|error| format!("--settings: {error}"))?;
        let mut settings = component.manifest.default_settings();
        settings.extend(given.as_object().cloned().ok_or("--settings: this is no object")?);
        let settings = Value::Object(settings).to_string();
        examples.iter_mut().for_each(|example| example.settings.clone_from(&settings));
        return Ok((examples, vec![settings]));
    }
    let mut settings: Vec<String> = examples.iter().map(|example| example.settings.clone()).collect();
    settings.sort();
    settings.dedup();
    if settings.is_empty() {
        let required = component.manifest.settings.get("required").and_then(Value::as_array);
        if let Some(name) = required.into_iter().flatten().find_map(Value::as_str) {
            return Err(format!(
                "the tag needs the setting `{name}`: give --settings '{{\"{name}\": …}}', or the folder of its examples as --examples"
            ));
        }
        settings.push(Value::Object(component.manifest.default_settings()).to_string());
    }
    Ok((examples, settings))
}

fn as_json(component: &TagComponent, result: &Result<Passed, CheckError>) -> Value {
    let mut told = json!({ "tag": component.manifest.name, "sha256": component.sha256, "passed": result.is_ok() });
    match result {
        Ok(passed) => {
            told["examples"] = passed.examples.into();
            told["calls"] = passed.calls.into();
            told["instructions"] =
                json!({ "worst": passed.instructions.0, "most": passed.most, "with": passed.instructions.1 });
            told["memory"] = json!({ "worst": passed.memory.0, "with": passed.memory.1 });
        }
        Err(error) => told["reason"] = error.to_string().into(),
    }
    told
}
