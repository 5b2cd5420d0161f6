//! `tagyard replay`: past events through today's container.

use std::process::ExitCode;

use jiff::Timestamp;

use super::place::Place;
use super::{fail, replay_dry};
use crate::history::Span;

/// Run past events through today's container, to see what would be sent: a dry run, which sends nothing.
///
/// Runs the events of a time through one tag of a container file, in the real sandbox, and says how the requests differ from those
/// that were sent then. So edit the file, look at the difference, and then serve it. Events that shared a request are run as the
/// same batch. Secrets stand in both as `{{secret:NAME}}` and need not be set. A tag that uses the clock or random numbers differs
/// each time. Works while the host runs and when it is stopped. Exits with 0 when it ran, whatever differs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The tag to run, as the container names it.
    #[arg(long)]
    tag: String,
    /// The events that were received since this time, as in `2026-11-20T00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Timestamp,
    /// Only those before this time.
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    #[command(flatten)]
    dry: replay_dry::Dry,
    #[command(flatten)]
    place: Place,
}

const EXAMPLES: &str = "\
Examples:
  tagyard replay shop.toml --tag ga4-web --since 2026-11-20T00:00Z --dry-run
  tagyard replay shop.toml --tag ga4-web --since 2026-11-20T00:00Z --dry-run --json | jq .verdict | sort | uniq -c";

pub fn run(args: &Args) -> ExitCode {
    let Args { tag, since, until, dry, place } = args;
    let span = Span { since: Some(*since), until: *until };
    match &dry.container {
        Some(container) => replay_dry::run(dry, container, tag, span, &place.data_dir),
        None => fail(&"name the container file and say --dry-run"),
    }
}
