//! `tagyard forget`: removes what is held about a person.

use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;

use super::person::Which;
use super::place::Place;
use super::stopped::open_stopped;
use super::r#try::printable;
use super::{block_on, counted};
use crate::admin::{AskError, tell};
use crate::history::Logs;
use crate::identity::Links;
use crate::person::{self, Asked, Count, Forgotten, Who};

/// Remove what is held about a person: events, dead letters, identity links, and the requests that were sent for them.
///
/// The person is found by the ids that are given, and by those that events have beside them. What would be removed is shown first, and
/// then asked for; with --yes it is not. When the command returns, the bytes are in none of the host's files any more.
///
/// A request that carried other persons' events as well is removed too. Outcomes stay and say how an event ended, not which it was. An
/// event that a tag had not done yet ends for it as skipped, `forgotten`. What vendors have received is theirs to remove, and copies of
/// the data directory are yours.
///
/// Works while the host runs: it goes on taking events, and its tags stop for as long as the requests on the wire take, ten seconds at
/// most, as they do for a reload. What comes in meanwhile is not removed. Works on a stopped host's directory, too.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Place,
    /// Only say what would be removed.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(short, long, conflicts_with = "dry_run")]
    yes: bool,
    /// Print JSON for a machine; needs --yes or --dry-run.
    ///
    /// `{"ids", "found", "shared", "of_others", "events": {"records", "first", "last"}, "dead_letters", "requests", "links",
    /// "outcomes", "shared_letters", "damaged_bytes", "damaged_copies", "dry_run"}`
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagyard forget --user-id u-17 --dry-run
  tagyard forget --user-id u-17 --anonymous-id 5f0c --data-dir /var/lib/tagyard
  tagyard forget --user-id u-17 --yes --json";

/// The longest answer to a question that is read.
const ANSWER_BYTES: u64 = 64;

pub fn run(args: &Args) -> ExitCode {
    block_on(forget(args))
}

async fn forget(args: &Args) -> Result<ExitCode, String> {
    let data_dir = &args.place.data_dir;
    let mut asked = Asked { who: args.which.who(), dry_run: !args.yes };
    if !args.dry_run && !args.yes && (args.json || !io::stdin().is_terminal()) {
        return Err("nobody can be asked here: give --yes, or --dry-run to see what would be removed".to_owned());
    }
    let first = do_it(data_dir, &asked).await?;
    print_ids(&first, args.json);
    print(&first, args.json);
    if args.dry_run || args.yes || first.is_nothing() || !confirmed().map_err(|error| error.to_string())? {
        return Ok(ExitCode::SUCCESS);
    }
    // By the ids that were shown, and not by one that has turned up since.
    asked = Asked { who: Who { ids: first.ids, only_these: true }, dry_run: false };
    print(&do_it(data_dir, &asked).await?, args.json);
    Ok(ExitCode::SUCCESS)
}

async fn do_it(data_dir: &Path, asked: &Asked) -> Result<Forgotten, String> {
    match tell(data_dir, "/forget", asked).await {
        Err(AskError::NotRunning) => {}
        told => return told.map_err(|error| error.to_string()),
    }
    let stopped = open_stopped(data_dir).await?;
    let logs = Logs {
        journal: stopped.journal.log().clone(),
        outcomes: stopped.outcomes.clone(),
        sent: stopped.sent.clone(),
        letters: stopped.letters.clone(),
    };
    let links = Links::new(data_dir);
    let done = person::forget(logs, &links, None, asked).await;
    links.close().await;
    stopped.close().await;
    done.map_err(|error| error.to_string())
}

fn confirmed() -> io::Result<bool> {
    let mut out = io::stdout();
    write!(out, "\nRemove all of this? There is no way back. Type yes: ")?;
    out.flush()?;
    let mut answer = String::new();
    #[expect(clippy::disallowed_methods, reason = "bounded by `take`")]
    io::stdin().lock().take(ANSWER_BYTES).read_line(&mut answer)?;
    let is_yes = answer.trim() == "yes";
    if !is_yes {
        say!("nothing was removed");
    }
    Ok(is_yes)
}

fn print(done: &Forgotten, json: bool) {
    if json {
        say!("{:#}", serde_json::json!(done));
        return;
    }
    if done.is_nothing() {
        say!("nothing is held about this person");
        return;
    }
    let (removed, blanked) = match done.dry_run {
        true => ("to be removed", "to be cleared of all but how the event ended"),
        false => ("removed", "cleared of all but how the event ended"),
    };
    line(&done.events, "event", removed);
    line(&done.dead_letters, "dead letter", removed);
    line(&done.requests, "request", removed);
    if done.links > 0 {
        say!("{} {removed}", counted(done.links, "identity link"));
    }
    line(&done.outcomes, "outcome", blanked);
    if done.shared_letters > 0 {
        let letters = counted(done.shared_letters, "dead letter");
        say!(
            "{letters} of others {} the request that carried this person's events too",
            match done.dry_run {
                true => "to lose",
                false => "lost",
            }
        );
    }
    if done.damaged_bytes > 0 {
        let wiped = if done.dry_run { "to be wiped" } else { "wiped" };
        say!("{} of damaged records, in which an id was found, {wiped}", counted(done.damaged_bytes, "byte"));
    }
    if done.damaged_copies > 0 {
        let copies = if done.damaged_copies == 1 { "copy" } else { "copies" };
        say!("{} {copies} of damaged bytes, in which an id was found, {removed}", done.damaged_copies);
    }
    if done.of_others > 0 {
        say!(
            "{} of these name another user beside one of the ids: a device that several persons use, or an id that is none",
            counted(done.of_others, "event")
        );
    }
}

fn print_ids(done: &Forgotten, json: bool) {
    if json {
        return;
    }
    for (ids, found, kind) in [
        (&done.ids.user_ids, &done.found.user_ids, "user id"),
        (&done.ids.anonymous_ids, &done.found.anonymous_ids, "anonymous id"),
    ] {
        for id in ids {
            let how = if found.contains(id) { " (seen with the others)" } else { "" };
            say!("{kind} {}{how}", printable(id));
        }
    }
    for id in &done.shared {
        say!("anonymous id {} left alone: it was seen with another user, too", printable(id));
    }
}

fn line(count: &Count, what: &str, done: &str) {
    let shown = |at: &Option<Timestamp>| at.map_or(String::new(), |at| at.strftime("%Y-%m-%d %H:%MZ").to_string());
    let (first, last) = (shown(&count.first), shown(&count.last));
    let time = if first == last { first } else { format!("{first} to {last}") };
    if count.records > 0 {
        say!("{} {done}, of {time}", counted(count.records, what));
    }
}
