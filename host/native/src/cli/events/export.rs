//! `tagyard events export`: events and how they ended, as JSON lines.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::bar::Bar;
use crate::cli::output::writer;
use crate::cli::place::Place;
use crate::history::{
    CHUNK_BYTES, CHUNK_EVENTS, Ending, Endings, Entry, History, HistoryError, Part, PastEvent, Span, Unreadable, Walk,
};

/// Write events and how they ended for each tag, as JSON lines, in the order in which they came.
///
/// A line is `{"position", "received_at", "source", "event", "outcomes": {TAG: {"at", "outcome", "reason", "attempts", "runs"}}}`.
/// Where an event was run again for a tag, its last outcome stands there. The lines have the events' personal data in them; a file
/// is made for its owner alone. Works while the host runs and when it is stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Only those that were received since this time, as in `2026-11-20T00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only those that were received before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Only those that have ended for this tag, and only its outcomes.
    #[arg(long)]
    tag: Option<String>,
    /// Only those with such an outcome, for any tag or for the one that is named.
    #[arg(long, value_parser = OUTCOMES)]
    outcome: Option<String>,
    /// Write to this file; without it, to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The names of [`tagyard_pipeline::outcome::Outcome`].
const OUTCOMES: [&str; 5] = ["not_triggered", "blocked_by_consent", "skipped", "delivered", "dead_letter"];

const EXAMPLES: &str = "\
Examples:
  tagyard events export --since 2026-11-20T00:00Z -o events.jsonl
  tagyard events export --tag ga4 --outcome dead_letter | jq -r .event.messageId
  tagyard events export --data-dir /var/lib/tagyard | gzip > events.jsonl.gz";

/// A line of the output.
#[derive(Serialize)]
struct Exported {
    #[serde(flatten)]
    event: Read,
    outcomes: BTreeMap<String, Ending>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Read {
    Event(Box<PastEvent>),
    Unreadable(Unreadable),
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("cannot write {0}: {1}")]
    Write(String, io::Error),
}

pub(super) async fn run(args: &Args) -> Result<ExitCode, String> {
    match export(args).await {
        Ok(count) => {
            if let Some(path) = &args.output {
                eprintln!("{count} events written to {}", path.display());
            }
            Ok(ExitCode::SUCCESS)
        }
        // Nobody reads on, as in `tagyard events export | head`.
        Err(ExportError::Write(_, error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error.to_string()),
    }
}

async fn export(args: &Args) -> Result<u64, ExportError> {
    let history = History::open(&args.place.data_dir).await?;
    let name = args.output.as_ref().map_or("standard output".to_owned(), |path| path.display().to_string());
    let failed = |error| ExportError::Write(name.clone(), error);
    let mut out = writer(args.output.as_deref()).map_err(failed)?;
    let bar = Bar::new("events", args.output.is_some() || !io::stdout().is_terminal());
    let mut walk = Walk::new(&history, Part::Journal, Span { since: args.since, until: args.until }).await?;
    let mut count = 0;
    loop {
        let chunk = chunk(&mut walk).await?;
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { break };
        let received = chunk.iter().map(|entry| entry.at_ms).min().unwrap_or(first.at_ms);
        let received = Timestamp::from_millisecond(received).unwrap_or(Timestamp::MIN);
        let mut endings = Endings::of(&history, first.position..=last.position, received, args.tag.as_deref()).await?;
        for entry in &chunk {
            let outcomes = endings.take(entry.position);
            if !is_wanted(args, &outcomes) {
                continue;
            }
            let event = match PastEvent::read(entry.position, &entry.payload) {
                Ok(past) => Read::Event(Box::new(past)),
                Err(unreadable) => Read::Unreadable(unreadable),
            };
            let line = serde_json::to_string(&Exported { event, outcomes }).unwrap_or_default();
            writeln!(out, "{line}").map_err(failed)?;
            count += 1;
        }
        bar.set(walk.progress());
    }
    out.flush().map_err(failed)?;
    Ok(count)
}

fn is_wanted(args: &Args, outcomes: &BTreeMap<String, Ending>) -> bool {
    let has_tag = args.tag.as_ref().is_none_or(|tag| outcomes.contains_key(tag));
    let is_such = |wanted: &String| outcomes.values().any(|ending| ending.outcome.name() == wanted);
    has_tag && args.outcome.as_ref().is_none_or(is_such)
}

async fn chunk(walk: &mut Walk<'_>) -> Result<Vec<Entry>, HistoryError> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while entries.len() < CHUNK_EVENTS
        && bytes < CHUNK_BYTES
        && let Some(entry) = walk.next().await?
    {
        bytes += entry.payload.len();
        entries.push(entry);
    }
    Ok(entries)
}
