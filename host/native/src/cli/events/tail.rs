//! `tagyard events tail`: events and outcomes as they come.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{described, shown};
use crate::admin::{Line, Lines};
use crate::cli::place::Place;
use crate::cli::r#try::printable;
use url::form_urlencoded;

/// Watch a running host: each event as it is accepted, and how it ends for each tag.
///
/// Begins with the next event and goes on until Ctrl-C or until the host stops. Costs the host nothing: a terminal that is too slow
/// is told how many lines it missed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Only outcomes of this tag; events are shown all the same.
    #[arg(long)]
    tag: Option<String>,
    /// Print JSON lines for a machine, with the events whole.
    ///
    /// Each has a `line`: `event` (position, received_at, source, event), `outcome` (at, tag, position, message_id, outcome,
    /// reason, attempts) or `missed` (lines).
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagyard events tail --data-dir /var/lib/tagyard
  tagyard events tail --tag ga4
  tagyard events tail --json | jq 'select(.outcome == \"dead_letter\")'";

pub(super) async fn run(args: &Args) -> Result<ExitCode, String> {
    let query = args.tag.as_ref().map_or(String::new(), |tag| {
        format!("?{}", form_urlencoded::Serializer::new(String::new()).append_pair("tag", tag).finish())
    });
    let lines = Lines::ask(&args.place.data_dir, &format!("/events/tail{query}")).await;
    let mut lines = lines.map_err(|error| error.to_string())?;
    // Said when everything from now on is seen.
    eprintln!("waiting for events; Ctrl-C ends it");
    while let Some(line) = lines.next().await.map_err(|error| error.to_string())? {
        let printed = match args.json {
            true => io::stdout().write_all(&line),
            false => match serde_json::from_slice(&line) {
                Ok(line) => writeln!(io::stdout(), "{}", text(&line)),
                Err(error) => return Err(format!("the host's line cannot be read: {error}")),
            },
        };
        if printed.and_then(|()| io::stdout().flush()).is_err() {
            // Nobody reads on, as in `tagyard events tail | head`.
            return Ok(ExitCode::SUCCESS);
        }
    }
    eprintln!("the host has stopped");
    Ok(ExitCode::SUCCESS)
}

fn text(line: &Line) -> String {
    match line {
        Line::Event(past) => {
            let (at, title) = (shown(past.received_at), printable(&past.title()));
            let user = past.event.user().unwrap_or_default();
            format!("{at}  {}  {title} {} of {}", past.position, printable(past.event.message_id()), printable(user))
        }
        Line::Outcome(recorded) => {
            let described = described(&recorded.outcome, recorded.attempts);
            format!("{}  {}    {}: {described}", shown(recorded.at), recorded.position, recorded.tag)
        }
        Line::Unreadable(unreadable) => format!("{}  {}", unreadable.position, unreadable.unreadable),
        Line::Missed { lines } => format!("... {lines} lines were missed, as this reader was too slow"),
    }
}
