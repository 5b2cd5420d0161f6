//! `tagyard replay`: past events through today's container.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;

use super::place::Place;
use super::replay_dry;

/// Run past events through today's container, to see what would be sent: a dry run, which sends nothing.
///
/// Runs the events of a time through one tag of a container file, in the real sandbox, and says how the requests differ from those
/// that were sent then. So edit the file, look at the difference, and then serve it. Events that shared a request are run as the
/// same batch. Secrets stand in both as `{{secret:NAME}}` and need not be set. A tag that uses the clock or random numbers differs
/// each time. Works while the host runs and when it is stopped. Exits with 0 when it ran, whatever differs.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The container file.
    #[arg(value_name = "CONTAINER.toml")]
    pub(super) container: PathBuf,
    /// The tag to run, as the container names it.
    #[arg(long)]
    pub(super) tag: String,
    /// The events that were received since this time, as in `2026-11-20T00:00Z`.
    #[arg(long, value_name = "TIME")]
    pub(super) since: Timestamp,
    /// Only those before this time.
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<Timestamp>,
    /// Send nothing; print how today's requests differ from what was sent.
    #[arg(long, required = true)]
    pub(super) dry_run: bool,
    /// List also what is the same.
    #[arg(long)]
    pub(super) all: bool,
    /// Print JSON lines for a machine.
    ///
    /// Each is `{"verdict", "events", "message_ids", "same", "changed", "only_then", "only_now", "unsent_then", "unsent_now"}` for an
    /// event, or some that shared a request; a verdict is same, changed, only_then, only_now, neither or unknown. The last line is
    /// `{"summary": {"events": {VERDICT: COUNT}, "requests": {VERDICT: COUNT}}}`.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) place: Place,
}

const EXAMPLES: &str = "\
Examples:
  tagyard replay shop.toml --tag ga4-web --since 2026-11-20T00:00Z --dry-run
  tagyard replay shop.toml --tag ga4-web --since 2026-11-20T00:00Z --dry-run --json | jq .verdict | sort | uniq -c";

pub fn run(args: &Args) -> ExitCode {
    replay_dry::run(args)
}
