//! `tagyard events show`: one event, and all that became of it.

use std::process::ExitCode;

use serde::Serialize;

use super::{described, shown, tried};
use crate::cli::bar::Bar;
use crate::cli::place::Place;
use crate::cli::r#try::printable;
use crate::history::{History, HistoryError, Part, PastEvent, Span, Walk, outcomes, sent};
use crate::outcomes::Recorded;
use crate::sent::Sent;

/// The most requests of one event that are shown: a tag that sends for it each time that it is run again has a few, and one gone wrong
/// has thousands in a call.
const MAX_REQUESTS: usize = 1_000;

/// Show one event whole: what came in and when, how it ended for each tag and why, and what was sent for it.
///
/// Takes an event's messageId, or its position in the journal. It has the event's personal data in it; secrets stand in it as
/// `{{secret:NAME}}`. Works while the host runs and when it is stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Which event. Digits are a position, unless no event has it.
    #[arg(value_name = "MESSAGE_ID|POSITION")]
    event: String,
    #[command(flatten)]
    place: Place,
    /// It is a messageId, even if it consists of digits.
    #[arg(long)]
    message_id: bool,
    /// Print JSON for a machine.
    ///
    /// `{"position", "received_at", "source", "event", "outcomes": [{"at", "tag", "outcome", "reason", "attempts"}],
    /// "not_ended": [TAG], "sent": [{"at", "tag", "events", "request", "attempts", "status", "failed"}]}`
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagyard events show 17 --data-dir /var/lib/tagyard
  tagyard events show order-2026-1001
  tagyard events show order-2026-1001 --json | jq '.sent[] | [.tag, .request.url, .status]'";

/// An event, and what became of it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    past: PastEvent,
    /// In the order in which it ended.
    outcomes: Vec<Recorded>,
    /// Tags for which it has not ended yet.
    not_ended: Vec<String>,
    sent: Vec<Sent>,
}

pub(super) async fn run(args: &Args) -> Result<ExitCode, String> {
    let history = History::open(&args.place.data_dir).await.map_err(|error| error.to_string())?;
    let past = find(&history, args).await?;
    let whole = look(&history, past).await.map_err(|error| error.to_string())?;
    match args.json {
        true => say!("{:#}", serde_json::json!(whole)),
        false => print(&whole),
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(history: &History, args: &Args) -> Result<PastEvent, String> {
    if !args.message_id
        && let Ok(position) = args.event.parse()
        && let Some(past) = history.event(position).await.map_err(|error| error.to_string())?
    {
        return past.map_err(|unreadable| format!("event {position}: {}", unreadable.unreadable));
    }
    let found = by_message_id(history, &args.event).await.map_err(|error| error.to_string())?;
    found.ok_or_else(|| {
        format!(
            "there is no event {}; it never came, is older than what is kept, or was removed",
            printable(&args.event)
        )
    })
}

/// The last event with this messageId. There is one, save where one was sent again after a day.
async fn by_message_id(history: &History, id: &str) -> Result<Option<PastEvent>, HistoryError> {
    let bar = Bar::new("events searched", true);
    let mut walk = Walk::new(history, Part::Journal, Span::default()).await?;
    let mut found: Option<PastEvent> = None;
    let quoted = serde_json::json!(id).to_string();
    while let Some(entry) = walk.next().await? {
        bar.set(walk.progress());
        // Quickly passes over those that do not have the id anywhere.
        let has_it = std::str::from_utf8(&entry.payload).is_ok_and(|text| text.contains(&quoted));
        if has_it
            && let Ok(past) = PastEvent::read(entry.position, &entry.payload)
            && past.event.message_id() == id
        {
            if let Some(before) = &found {
                eprintln!("event {} has this messageId too; the one that came last is shown", before.position);
            }
            found = Some(past);
        }
    }
    Ok(found)
}

async fn look(history: &History, past: PastEvent) -> Result<Whole, HistoryError> {
    let (positions, received) = (past.position..=past.position, past.received_at);
    let mut ended = Vec::new();
    outcomes(history, positions.clone(), received, None, |recorded| ended.push(recorded)).await?;
    let mut requests = Vec::new();
    sent(history, positions, received, None, |_, sent| {
        if requests.len() < MAX_REQUESTS {
            requests.push(sent);
        }
    })
    .await?;
    let mut not_ended = history.tags().await?;
    not_ended.retain(|tag| ended.iter().all(|recorded| recorded.tag != *tag));
    Ok(Whole { past, outcomes: ended, not_ended, sent: requests })
}

fn print(whole: &Whole) {
    let Whole { past, outcomes, not_ended, sent } = whole;
    say!("event {}: {} {}", past.position, printable(&past.title()), printable(past.event.message_id()));
    say!("received {} by {}", past.received_at, past.source);
    indented(2, &format!("{:#}", serde_json::json!(past.event)));
    let mut tags: Vec<&str> = outcomes.iter().map(|recorded| recorded.tag.as_str()).collect();
    tags.sort_unstable();
    tags.dedup();
    for tag in tags {
        say!("");
        for recorded in outcomes.iter().filter(|recorded| recorded.tag == tag) {
            say!("{tag}: {}, {}", described(&recorded.outcome, recorded.attempts), shown(recorded.at));
        }
        sent.iter().filter(|sent| sent.tag == tag).for_each(print_sent);
    }
    for tag in not_ended {
        say!("");
        say!("{tag}: no outcome (in work, waiting for another attempt, or from before this tag)");
        sent.iter().filter(|sent| sent.tag == *tag).for_each(print_sent);
    }
    if sent.len() == MAX_REQUESTS {
        eprintln!("only the first {MAX_REQUESTS} requests are shown");
    }
}

fn print_sent(sent: &Sent) {
    let answered = match (&sent.status, &sent.failed) {
        (_, Some(reason)) => format!("given up: {}", printable(reason)),
        (Some(status), None) => format!("the vendor answered {status}"),
        (None, None) => "accepted".to_owned(),
    };
    say!("  {} {}", sent.request.method, sent.request.url);
    say!("    {}, {answered}{}", shown(sent.at), tried(sent.attempts));
    if sent.events.len() > 1 {
        say!("    it carried {} events", sent.events.len());
    }
    for (name, value) in &sent.request.headers {
        say!("    {name}: {value}");
    }
    match sent.request.body.json() {
        Some(json) => indented(4, &format!("{json:#}")),
        None => indented(4, &sent.request.body.shown()),
    }
    if !sent.request.body.is_whole() {
        say!("    ... of {} bytes the beginning was kept", sent.request.body.bytes);
    }
}

fn indented(by: usize, text: &str) {
    text.lines().for_each(|line| say!("{:by$}{}", "", printable(line)));
}
