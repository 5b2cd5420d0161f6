//! `tagyard dead`: the dead letters, of a running host or a stopped one's data directory.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use jiff::Timestamp;
use tagyard_pipeline::outcome::Cause;
use url::form_urlencoded;

use super::block_on;
use super::place::Place;
use super::redrive::{DropArgs, RedriveArgs, drop_letters, redrive};
use super::stopped::require_data_dir;
use crate::admin::{AskError, Filter, Numbered, ask, list};
use crate::dead_letters::{DeadLetters, Settled};
use crate::host::open_dead_letters;

/// The commands on dead letters.
#[derive(Debug, Subcommand)]
pub enum Command {
    List(ListArgs),
    Show(ShowArgs),
    Redrive(RedriveArgs),
    Drop(DropArgs),
}

/// List the dead letters: what will not be tried again by itself, and why.
///
/// A letter is one event for one tag, or an event that no tag saw since it was none. Works while the host runs and when it is stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = LIST_EXAMPLES)]
pub struct ListArgs {
    #[command(flatten)]
    place: Place,
    /// Only those of this tag.
    #[arg(long)]
    tag: Option<String>,
    /// Only those that died of this: invalid, rejected, refused, failed or undeliverable.
    #[arg(long, value_parser = parse_cause)]
    cause: Option<Cause>,
    /// Only those with this in their reason, such as `400`.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only those since this time, as in `2026-11-20T00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only those before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Also those that were redriven or dropped.
    #[arg(long)]
    settled: bool,
    /// The most letters to list.
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Print JSON lines for a machine, each a whole letter.
    #[arg(long)]
    json: bool,
}

/// Show one dead letter whole: the event, the request and the vendor's answer.
///
/// As JSON. It has the event's personal data in it; secrets stand in it as `{{secret:NAME}}`.
#[derive(Debug, clap::Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub struct ShowArgs {
    /// Its number in the list.
    number: u64,
    #[command(flatten)]
    place: Place,
}

const LIST_EXAMPLES: &str = "\
Examples:
  tagyard dead list --data-dir /var/lib/tagyard
  tagyard dead list --tag ga4 --cause undeliverable --since 2026-11-20T00:00Z
  tagyard dead list --json | jq -r .reason | sort | uniq -c";

const SHOW_EXAMPLES: &str = "\
Examples:
  tagyard dead show 17 --data-dir /var/lib/tagyard
  tagyard dead show 17 | jq .event";

const TIME: &str = "%Y-%m-%d %H:%M:%SZ";

pub fn run(command: &Command) -> ExitCode {
    block_on(async {
        match command {
            Command::List(args) => print_list(args).await,
            Command::Show(args) => print_one(args).await,
            Command::Redrive(args) => redrive(args).await,
            Command::Drop(args) => drop_letters(args).await,
        }
    })
}

async fn print_list(args: &ListArgs) -> Result<ExitCode, String> {
    let ListArgs { tag, cause, reason, since, until, settled, limit, .. } = args;
    let filter = Filter {
        number: None,
        tag: tag.clone(),
        cause: *cause,
        reason: reason.clone(),
        since: *since,
        until: *until,
        settled: *settled,
        limit: *limit,
    };
    let found = find(&args.place.data_dir, &filter).await?;
    for numbered in &found {
        if args.json {
            say!("{}", serde_json::json!(numbered));
            continue;
        }
        let Numbered { number, settled, letter } = numbered;
        let tag = letter.tag.as_deref().unwrap_or("(no tag)");
        let at = letter.at.strftime(TIME);
        let settled =
            settled.as_ref().map_or_else(String::new, |Settled { how, at }| format!("  ({how} {})", at.strftime(TIME)));
        say!("{number}  {at}  {tag}  {}: {}{settled}", letter.cause, letter.reason);
    }
    if found.is_empty() && !args.json {
        say!("no dead letters");
    }
    Ok(ExitCode::SUCCESS)
}

async fn print_one(args: &ShowArgs) -> Result<ExitCode, String> {
    let filter = Filter { number: Some(args.number), limit: 1, ..Filter::default() };
    let found = find(&args.place.data_dir, &filter).await?;
    let Some(letter) = found.first() else { return Err(format!("there is no dead letter {}", args.number)) };
    say!("{:#}", serde_json::json!(letter));
    Ok(ExitCode::SUCCESS)
}

/// Asks the running host, or reads the directory of a stopped one.
async fn find(data_dir: &Path, filter: &Filter) -> Result<Vec<Numbered>, String> {
    match ask(data_dir, &format!("/dead?{}", query(filter))).await {
        Err(AskError::NotRunning) => {}
        asked => return asked.map_err(|error| error.to_string()),
    }
    require_data_dir(data_dir)?;
    let letters: DeadLetters = open_dead_letters(data_dir).map_err(|error| error.to_string())?;
    list(&letters, filter).await.map_err(|error| error.to_string())
}

fn query(filter: &Filter) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let fields = serde_json::json!(filter);
    for (name, value) in fields.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        query.append_pair(name, &text);
    }
    query.finish()
}

pub(super) fn parse_cause(text: &str) -> Result<Cause, String> {
    serde_json::from_value(serde_json::Value::from(text))
        .map_err(|_| "it is one of invalid, rejected, refused, failed, undeliverable".to_owned())
}
