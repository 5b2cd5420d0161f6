//! `tagyard status`: how a running host and its tags are doing.

use std::path::PathBuf;
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};

use super::block_on;
use crate::admin::{Status, ask};

/// Show how a running host is doing: for each tag how far behind it is, and how its events ended since the start.
///
/// Asks the host that serves the data directory, as the same user. Exits with 1 where none is running.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The data directory of the host.
    #[arg(long, value_name = "DIR", default_value = "tagyard-data", env = "TAGYARD_DATA_DIR")]
    data_dir: PathBuf,
    /// Print JSON for a machine.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagyard status --data-dir /var/lib/tagyard
  tagyard status --json | jq '.tags[] | select(.dead > 0) | .tag'";

pub fn run(args: &Args) -> ExitCode {
    block_on(async {
        let status: Status = ask(&args.data_dir, "/status").await?;
        match args.json {
            true => say!("{:#}", serde_json::json!(status)),
            false => print(&status),
        }
        Ok::<_, crate::admin::AskError>(ExitCode::SUCCESS)
    })
}

fn print(status: &Status) {
    let Status { container, oldest, newest, bytes, .. } = status;
    say!("container {container}: events {oldest} to {newest} in the journal, {} KiB", bytes / 1_024);
    if let Some(fault) = &status.fault {
        say!("nothing can be accepted: {fault}");
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header([
        "tag",
        "unread",
        "in work",
        "behind",
        "delivered",
        "skipped",
        "blocked",
        "not triggered",
        "dead",
    ]);
    for tag in &status.tags {
        table.add_row([
            tag.tag.clone(),
            tag.unread.to_string(),
            tag.unfinished.to_string(),
            format!("{} s", tag.behind_seconds),
            tag.delivered.to_string(),
            tag.skipped.to_string(),
            tag.blocked_by_consent.to_string(),
            tag.not_triggered.to_string(),
            tag.dead.to_string(),
        ]);
    }
    say!("{table}");
}
