//! `tagyard dead redrive` and `tagyard dead drop`: settling dead letters.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use tagyard_pipeline::outcome::Cause;

use super::dead::parse_cause;
use super::follow::follow;
use super::place::Place;
use super::stopped::{open_stopped, require_data_dir};
use super::{counted, fail};
use crate::admin::{AskError, tell};
use crate::again::{self, Dropped, Redriven, Selection};
use crate::host::open_dead_letters;

/// Run the events of dead letters again, through today's container, and settle the letters.
///
/// Each event runs for its letter's tag alone. What fails again becomes a new dead letter. A settled letter is not listed any more,
/// unless by `dead list --settled`. An event that its vendor had taken part of reaches the vendor again; the `messageId` goes along
/// where a vendor tells duplicates by it.
///
/// Works while the host runs, and then waits until the events have ended; Ctrl-C ends the waiting only. While the host is stopped,
/// the events are marked and run at its next start.
#[derive(Debug, clap::Args)]
#[command(after_help = REDRIVE_EXAMPLES)]
pub struct RedriveArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Place,
    /// Do not wait until the events have ended.
    #[arg(long)]
    no_wait: bool,
}

/// Settle dead letters without running anything.
///
/// They are not listed any more, unless by `dead list --settled`, and cannot be redriven. Works while the host runs and when it is
/// stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = DROP_EXAMPLES)]
pub struct DropArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Place,
}

const REDRIVE_EXAMPLES: &str = "\
Examples:
  tagyard dead redrive 17 18 --data-dir /var/lib/tagyard
  tagyard dead redrive --tag ga4 --cause undeliverable --since 2026-11-20T00:00Z
  tagyard dead redrive --all --no-wait";

const DROP_EXAMPLES: &str = "\
Examples:
  tagyard dead drop 17 --data-dir /var/lib/tagyard
  tagyard dead drop --cause invalid --until 2026-11-01T00:00Z";

#[derive(Debug, clap::Args)]
struct Which {
    /// Only these letters, by their numbers in the list.
    #[arg(value_name = "NUMBER")]
    numbers: Vec<u64>,
    /// Only those of this tag.
    #[arg(long)]
    tag: Option<String>,
    /// Only those that died of this: invalid, rejected, refused, failed or undeliverable.
    #[arg(long, value_parser = parse_cause)]
    cause: Option<Cause>,
    /// Only those with this in their reason.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only those since this time, as in `2026-11-20T00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only those before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// All letters.
    #[arg(long, conflicts_with_all = ["numbers", "tag", "cause", "reason", "since", "until"])]
    all: bool,
}

impl Which {
    /// `None` where nothing says which letters: that must not mean all of them.
    fn selection(&self) -> Option<Selection> {
        let Which { numbers, tag, cause, reason, since, until, all } = self;
        let named = !numbers.is_empty() || tag.is_some() || cause.is_some() || reason.is_some();
        let says = named || since.is_some() || until.is_some();
        let selection = Selection {
            numbers: numbers.clone(),
            tag: tag.clone(),
            cause: *cause,
            reason: reason.clone(),
            since: *since,
            until: *until,
        };
        (says || *all).then_some(selection)
    }
}

pub(super) async fn redrive(args: &RedriveArgs) -> Result<ExitCode, String> {
    let Some(selection) = args.which.selection() else { return Ok(say_which()) };
    let data_dir = &args.place.data_dir;
    let (done, is_running) = match tell::<Redriven>(data_dir, "/dead/redrive", &selection).await {
        Ok(done) => (done, true),
        Err(AskError::NotRunning) => (redrive_stopped(data_dir, selection).await?, false),
        Err(error) => return Err(error.to_string()),
    };
    let when = if is_running { "" } else { ", when the host starts" };
    for (tag, events) in &done.tags {
        say!("{} run again for `{tag}`{when}", counted(*events, "event"));
    }
    for (tag, events) in &done.put_back {
        say!(
            "{} put back for `{tag}`, since the journal had let go of it: run as new{when}",
            counted(*events, "event")
        );
    }
    let answers = print_left(&done);
    if done.letters == 0 && !answers {
        say!("no dead letters match");
    }
    if is_running && !args.no_wait && !done.tags.is_empty() {
        let before: BTreeMap<_, _> = done.before.into_iter().filter(|(tag, _)| done.tags.contains_key(tag)).collect();
        follow(data_dir, &before).await.map_err(|error| error.to_string())?;
    }
    Ok(code(&done.unknown))
}

pub(super) async fn drop_letters(args: &DropArgs) -> Result<ExitCode, String> {
    let Some(selection) = args.which.selection() else { return Ok(say_which()) };
    let data_dir = &args.place.data_dir;
    let done = match tell::<Dropped>(data_dir, "/dead/drop", &selection).await {
        Ok(done) => done,
        Err(AskError::NotRunning) => drop_stopped(data_dir, selection).await?,
        Err(error) => return Err(error.to_string()),
    };
    for (tag, letters) in &done.tags {
        say!("{} of `{tag}` dropped", counted(*letters, "letter"));
    }
    if done.no_tag > 0 {
        say!("{} of no tag dropped", counted(done.no_tag, "letter"));
    }
    let answers = print_numbers(&done.unknown, &done.settled_before);
    if done.tags.is_empty() && done.no_tag == 0 && !answers {
        say!("no dead letters match");
    }
    Ok(code(&done.unknown))
}

async fn redrive_stopped(data_dir: &Path, selection: Selection) -> Result<Redriven, String> {
    let stopped = open_stopped(data_dir).await?;
    let done = again::redrive(&stopped.letters, &stopped.journal, &stopped.recorder, selection).await;
    stopped.close().await;
    done.map_err(|error| error.to_string())
}

async fn drop_stopped(data_dir: &Path, selection: Selection) -> Result<Dropped, String> {
    require_data_dir(data_dir)?;
    let letters = open_dead_letters(data_dir).map_err(|error| error.to_string())?;
    again::drop_letters(&letters, selection).await.map_err(|error| error.to_string())
}

fn say_which() -> ExitCode {
    fail(
        &"say which letters: by their numbers in `tagyard dead list`, by --tag, --cause, --reason, --since or --until, or --all for all \
          of them",
    );
    ExitCode::from(2)
}

/// Whether there was anything to say.
fn print_left(done: &Redriven) -> bool {
    let again::Left { no_tag, unknown_tag, gone, busy } = &done.left;
    let left = |count: u64, why: &str| {
        if count > 0 {
            say!("{} left as they are: {why}", counted(count, "letter"));
        }
    };
    left(*no_tag, "no source could take the event, so there is no tag to run it for");
    left(*gone, "neither the journal nor the letter has the event whole");
    left(*busy, "the event is in work at the moment, or too many are marked already; try again later");
    for (tag, count) in unknown_tag {
        left(*count, &format!("their tag `{tag}` is not in the container"));
    }
    let numbers = print_numbers(&done.unknown, &done.settled_before);
    numbers || done.left != again::Left::default()
}

fn print_numbers(unknown: &[u64], settled_before: &[u64]) -> bool {
    for number in unknown {
        say!("there is no dead letter {number}");
    }
    for number in settled_before {
        say!("letter {number} was settled before");
    }
    !unknown.is_empty() || !settled_before.is_empty()
}

fn code(unknown: &[u64]) -> ExitCode {
    if unknown.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
