//! `tagyard try`: what a container would do with an event, and why.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::event::Event;
use tagyard_pipeline::object::Object;
use tagyard_pipeline::plan::Shared;

use super::try_request::RequestArgs;
use super::{block_on, log, try_why};
use crate::container;
use crate::sandbox::Sandbox;
use crate::tag::Tag;
use crate::try_event::{Tried, TriedTag, try_event};

/// The longest file of events.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Try events on a container: the real pipeline and sandbox, with nothing sent.
///
/// An event is JSON in the shape of Segment's spec; its `type` and a `userId` or `anonymousId` are the least it has.
///
/// Says for each tag what became of the event and why: each clause of the trigger with what it read, each consent with the signals
/// that decided it, what each transformation changed or which condition of one was false, the fields that the tag did not see, and the
/// requests it would send. Says before what was found out about the visitor, and which cookies the answer would set. Links are not
/// looked up. Secrets
/// stand there as `{{secret:NAME}}` and need not be set.
/// `messageId` and `timestamp` are filled in where the events have none.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The container file.
    #[arg(value_name = "CONTAINER.toml")]
    container: PathBuf,
    /// An event, or an array of them, as JSON; `-` for standard input.
    #[arg(value_name = "EVENT.json")]
    event: PathBuf,
    /// Print JSON for a machine.
    ///
    /// `{"cookies": [..], "events": [{"messageId", "found": {..}, "tags": [{"tag", "outcome", "reason", "clauses", "consent", "anonymised",
    /// "transformations": [{"change", "when", "fields", "filtered"}], "requests": [{"method", "url", "headers", "body"}]}]}]}`; an outcome
    /// is sent, not_triggered, blocked_by_consent, skipped, rejected, refused or failed.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    request: RequestArgs,
}

const EXAMPLES: &str = "\
Examples:
  tagyard try shop.toml event.json
  echo '{\"type\": \"page\", \"anonymousId\": \"a1\"}' | tagyard try shop.toml -
  tagyard try shop.toml event.json --header 'sec-gpc: 1' --header 'cookie: theme=dark'
  tagyard try shop.toml landing.json --header 'origin: https://shop.example' --header 'cookie: _fbp=fb.1.2.3'
  tagyard try --json shop.toml events.json | jq -r '.events[].tags[] | [.tag, .outcome] | @tsv'

Exits with 0 when the events could be tried, whatever became of them, and with 1 when not.";

/// Exits with 0 when the events could be tried, whatever became of them.
pub fn run(args: &Args) -> ExitCode {
    log::start("warn");
    let loaded = match container::load(&args.container, secrets) {
        Ok(loaded) => loaded,
        Err(report) => {
            eprintln!("{}", report.pretty());
            return ExitCode::FAILURE;
        }
    };
    block_on(async {
        let received_at = Timestamp::now();
        let mut events = read_events(&args.event, received_at)?;
        let sandbox = Sandbox::start(cache_folder()).map_err(|error| error.to_string())?;
        let shared = Shared::compile(&loaded.container).map_err(|error| error.to_string())?;
        let enrichment = loaded.enrichment(&shared).map_err(|error| error.to_string())?;
        let identity = shared.rules().identity().map(|identity| &**identity);
        let (requests, identified) = args.request.bring(&enrichment, identity, &mut events, received_at)?;
        let tags = loaded.tags.iter().map(|tag| Tag::start(&sandbox, tag, shared.clone(), secrets));
        let tags = tags.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        let mut tried = Vec::new();
        for (event, request) in events.into_iter().zip(requests) {
            let accepted = Accepted::new(received_at, args.request.source.clone(), request, event);
            tried.push(try_event(&tags, &accepted).await);
        }
        for (tried, found) in tried.iter_mut().zip(identified.found) {
            tried.found = found;
        }
        let printed = match args.json {
            true => writeln!(io::stdout(), "{:#}", json!({ "events": tried, "cookies": identified.cookies })),
            false => print_all(&mut io::stdout().lock(), &tried, &identified.cookies),
        };
        // A closed pipe is its reader's choice.
        let _ = printed;
        Ok::<_, String>(ExitCode::SUCCESS)
    })
}

/// Nothing is sent, so no secret is needed, and one that is not there is no mistake.
pub(super) fn secrets(_name: &str) -> Option<String> {
    Some(String::new())
}

/// Where compiled tags are kept for commands that have no data directory: the user's own cache.
pub(super) fn cache_folder() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(base.join("tagyard"))
}

fn read_events(path: &Path, now: Timestamp) -> Result<Vec<Event>, String> {
    let name = path.display();
    let input: Box<dyn Read> = match path.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(File::open(path).map_err(|error| format!("cannot read {name}: {error}"))?),
    };
    let mut text = String::new();
    #[expect(clippy::disallowed_methods, reason = "bounded by `take`")]
    input.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(|error| format!("cannot read {name}: {error}"))?;
    let value: Value = serde_json::from_str(&text).map_err(|error| format!("{name} is not JSON: {error}"))?;
    let values = match value {
        Value::Array(values) => values,
        value => vec![value],
    };
    let event = |(position, value): (usize, Value)| {
        let event = fill_in(value, position, now)
            .and_then(|fields| Event::new(Object::from(&fields)).map_err(|error| error.to_string()));
        event.map_err(|error| format!("{name}: event {position}: {error}"))
    };
    values.into_iter().enumerate().map(event).collect()
}

fn fill_in(value: Value, position: usize, now: Timestamp) -> Result<Map<String, Value>, String> {
    let Value::Object(mut fields) = value else { return Err("it is not an object".to_owned()) };
    fields.entry("messageId").or_insert_with(|| Value::String(format!("try-{position}")));
    fields.entry("timestamp").or_insert_with(|| Value::String(format!("{now:.3}")));
    Ok(fields)
}

fn print_all(out: &mut impl Write, tried: &[Tried], cookies: &[String]) -> io::Result<()> {
    tried.iter().try_for_each(|tried| print(out, tried))?;
    cookies.iter().try_for_each(|cookie| writeln!(out, "the answer sets a cookie: {}", printable(cookie)))
}

fn print(out: &mut impl Write, tried: &Tried) -> io::Result<()> {
    writeln!(out, "{} ({})", printable(&tried.title), printable(&tried.message_id))?;
    try_why::found(&tried.found).into_iter().try_for_each(|line| writeln!(out, "    {}", printable(&line)))?;
    tried.tags.iter().try_for_each(|tag| print_tag(out, tag))?;
    writeln!(out)
}

fn print_tag(out: &mut impl Write, tag: &TriedTag) -> io::Result<()> {
    write!(out, "  {}: {}", tag.tag, tag.outcome.name())?;
    match &tag.reason {
        Some(reason) => writeln!(out, ", since {reason}")?,
        None => writeln!(out)?,
    }
    try_why::lines(&tag.why).into_iter().try_for_each(|line| writeln!(out, "    {}", printable(&line)))?;
    if !tag.why.withheld.is_empty() {
        writeln!(out, "    not shown to it: {}", printable(&tag.why.withheld.join(", ")))?;
    }
    for line in &tag.log {
        writeln!(out, "    it logged ({:?}): {}", line.level, line.message)?;
    }
    for request in &tag.requests {
        writeln!(out, "    {} {}", request.method, request.url)?;
        for (name, value) in &request.headers {
            writeln!(out, "      {name}: {value}")?;
        }
        let body = match &request.body {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            body => format!("{body:#}"),
        };
        body.lines().try_for_each(|line| writeln!(out, "      {}", printable(line)))?;
    }
    Ok(())
}

/// Without what would steer the terminal: an event comes from anybody, and what a tag makes of it from the tag.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
