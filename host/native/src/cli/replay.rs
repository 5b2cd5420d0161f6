//! `tagyard replay`: past events again, through today's container.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;

use super::follow::follow;
use super::place::Place;
use super::replay_dry;
use super::stopped::open_stopped;
use super::{block_on, counted};
use crate::admin::{AskError, tell};
use crate::again::{Replayed, Span, replay};
use crate::history;

/// Run past events again for one tag, through today's container.
///
/// For a tag that was added later, or one that was mended. The events may be from before the tag was there, as far back as the
/// journal goes. Whatever the tag has delivered of them it delivers again: its vendor gets it twice, and tells duplicates by the
/// `messageId` where it can.
///
/// Works while the host runs, and then waits until the events have ended; Ctrl-C ends the waiting only. While the host is stopped,
/// the events are marked and run at its next start. New events go on beside them.
///
/// With --dry-run and a container file nothing is sent: the events run through one tag of that file, in the real sandbox, and it is
/// said how the requests differ from those that were sent then. So edit the file, look at the difference, and then serve it. Events
/// that shared a request are run as the same batch. Secrets stand in both as `{{secret:NAME}}` and need not be set. A tag that uses
/// the clock or random numbers differs each time. A dry run exits with 0 when it ran, whatever differs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The tag to run them for, by its name in the container.
    #[arg(long)]
    tag: String,
    /// The events received since this time, as in `2026-11-20T00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Timestamp,
    /// Only those received before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Do not wait until the events have ended.
    #[arg(long, conflicts_with = "dry_run")]
    no_wait: bool,
    #[command(flatten)]
    dry: replay_dry::Dry,
    #[command(flatten)]
    place: Place,
}

const EXAMPLES: &str = "\
Examples:
  tagyard replay --tag mixpanel --since 2026-11-20T00:00Z --data-dir /var/lib/tagyard
  tagyard replay --tag ga4 --since 2026-11-20T08:00Z --until 2026-11-20T09:30Z --no-wait
  tagyard replay shop.toml --tag ga4 --since 2026-11-20T00:00Z --dry-run
  tagyard replay shop.toml --tag ga4 --since 2026-11-20T00:00Z --dry-run --json | jq .verdict | sort | uniq -c";

pub fn run(args: &Args) -> ExitCode {
    match &args.dry.container {
        Some(container) => {
            let span = history::Span { since: Some(args.since), until: args.until };
            replay_dry::run(&args.dry, container, &args.tag, span, &args.place.data_dir)
        }
        None => block_on(run_again(args)),
    }
}

async fn run_again(args: &Args) -> Result<ExitCode, String> {
    let Args { tag, since, until, no_wait, place, .. } = args;
    if until.is_some_and(|until| until <= *since) {
        return Err("--until is not after --since, so there is nothing in between".to_owned());
    }
    let span = Span { tag: tag.clone(), since: *since, until: *until };
    let (done, is_running) = match tell::<Replayed>(&place.data_dir, "/replay", &span).await {
        Ok(done) => (done, true),
        Err(AskError::NotRunning) => (replay_stopped(&place.data_dir, span).await?, false),
        Err(error) => return Err(error.to_string()),
    };
    print(tag, &done, is_running);
    if is_running && !no_wait && done.events > 0 {
        let before = BTreeMap::from([(tag.clone(), done.before)]);
        follow(&place.data_dir, &before).await.map_err(|error| error.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn replay_stopped(data_dir: &Path, span: Span) -> Result<Replayed, String> {
    let stopped = open_stopped(data_dir).await?;
    let done = replay(&stopped.journal, &stopped.recorder, span).await;
    stopped.close().await;
    done.map_err(|error| error.to_string())
}

fn print(tag: &str, done: &Replayed, is_running: bool) {
    if let Some(begins) = done.begins {
        let begins = begins.strftime("%Y-%m-%d %H:%M:%SZ");
        say!("the journal begins at {begins}; what came before is not kept any more");
    }
    let when = if is_running { "" } else { ", when the host starts" };
    say!("{} run again for `{tag}`{when}", counted(done.events, "event"));
    if done.events > 0 {
        say!(
            "what was delivered of them before is delivered again; vendors tell duplicates by the messageId where they can"
        );
    }
    if done.under_way > 0 {
        say!("{} more that the tag has not finished yet run in any case", counted(done.under_way, "event"));
    }
}
