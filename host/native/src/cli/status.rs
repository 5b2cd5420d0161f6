//! `tagyard status`: how a running host and its tags are doing.

use std::path::PathBuf;
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};

use serde::{Deserialize, Serialize};

use super::block_on;
use crate::admin::{Status, TagStatus, ask};
use crate::folder::{Doing, FolderStatus};

/// Show how a running host is doing: for each tag how far behind it is, how its events ended since the start, and its vendors.
///
/// A tag's lag is the events that have no outcome yet, and how long ago the first of them was accepted. Of these, `retrying` are
/// those whose request failed and is tried again. A vendor's host that failed too often in a row gets one probe at a time (its
/// breaker is `open`) until it answers. Says also when the container was loaded, and why a changed one was not taken.
///
/// Of a host that serves a folder of containers it lists them; each one's own status is that of its data directory, DATA/NAME. Asking for
/// that puts a container that rests to work.
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
  tagyard status --data-dir /var/lib/tagyard/shop       of the container `shop` of a folder
  tagyard status --json | jq '.tags[] | select(.dead > 0) | .tag'
  tagyard status --json | jq -e '.failed_reload == null'      whether the container on disk is the one in force";

pub fn run(args: &Args) -> ExitCode {
    block_on(async {
        let status: OneOrSeveral = ask(&args.data_dir, "/status").await?;
        match (args.json, &status) {
            (true, status) => say!("{:#}", serde_json::json!(status)),
            (false, OneOrSeveral::One(status)) => print(status),
            (false, OneOrSeveral::Several(status)) => print_folder(status),
        }
        Ok::<_, crate::admin::AskError>(ExitCode::SUCCESS)
    })
}

#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum OneOrSeveral {
    One(Box<Status>),
    Several(FolderStatus),
}

fn print_folder(folder: &FolderStatus) {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["container", "state", "lag", "dead", "journal", "file"]);
    for member in &folder.containers {
        let state = match member.state {
            Doing::Working => "at work",
            Doing::Resting => "rests",
            Doing::Failed => "CANNOT WORK",
            Doing::Changing => "is changing",
        };
        let status = member.status.as_ref();
        let furthest = status.and_then(|status| status.tags.iter().max_by_key(|tag| tag.lag_events));
        table.add_row([
            member.container.clone(),
            state.to_owned(),
            furthest.map_or(String::new(), lag),
            status.map_or(String::new(), |status| status.tags.iter().map(|tag| tag.dead).sum::<u64>().to_string()),
            status.map_or(String::new(), |status| size(status.bytes)),
            member.file.display().to_string(),
        ]);
    }
    say!("{table}");
    for member in &folder.containers {
        if let Some(failed) = &member.failed {
            let at = failed.at.strftime("%Y-%m-%d %H:%M:%SZ");
            let what = match member.state {
                Doing::Failed => "CANNOT BE PUT TO WORK",
                _ => "GOES ON AS IT WAS, its changed file was not taken",
            };
            say!("{} {what}, at {at}:", member.container);
            failed.reason.lines().for_each(|line| say!("  {line}"));
        }
        if let Some(fault) = member.status.as_ref().and_then(|status| status.fault.as_ref()) {
            say!("{} CAN ACCEPT NOTHING: {fault}", member.container);
        }
    }
    for (file, reason) in &folder.refused_files {
        say!("{} IS NOT SERVED:", file.display());
        reason.lines().for_each(|line| say!("  {line}"));
    }
}

fn print(status: &Status) {
    let Status { container, oldest, newest, .. } = status;
    say!("container {container}, loaded {}", status.loaded_at.strftime("%Y-%m-%d %H:%M:%SZ"));
    let max = status.max_bytes.map(|max| format!(", {} at most", size(max))).unwrap_or_default();
    let (bytes, keep) = (size(status.bytes), size(status.keep_bytes));
    match newest >= oldest {
        true => say!("journal: events {oldest} to {newest}, {bytes} (of history {keep}{max})"),
        false => say!("journal: no events, {bytes} (of history {keep}{max})"),
    }
    if let Some(fault) = &status.fault {
        say!("NOTHING CAN BE ACCEPTED: {fault}");
    }
    if let Some(failed) = &status.failed_reload {
        say!("THE CONTAINER ON DISK WAS NOT TAKEN, at {}:", failed.at.strftime("%Y-%m-%d %H:%M:%SZ"));
        failed.reason.lines().for_each(|line| say!("  {line}"));
    }
    say!("{}", table(&status.tags));
}

fn table(tags: &[TagStatus]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["tag", "lag", "retrying", "delivered", "skipped", "blocked", "not triggered", "dead", "vendors"]);
    for tag in tags {
        table.add_row([
            tag.tag.clone(),
            lag(tag),
            tag.retrying.to_string(),
            tag.delivered.to_string(),
            tag.skipped.to_string(),
            tag.blocked_by_consent.to_string(),
            tag.not_triggered.to_string(),
            tag.dead.to_string(),
            vendors(tag),
        ]);
    }
    table
}

fn lag(tag: &TagStatus) -> String {
    let lag = match tag.lag_events {
        0 => "none".to_owned(),
        1 => format!("1 event, {}", age(tag.lag_seconds)),
        events => format!("{events} events, {}", age(tag.lag_seconds)),
    };
    match tag.again {
        0 => lag,
        again => format!("{lag}\n{again} run again"),
    }
}

/// Those that are not well, or how many are.
fn vendors(tag: &TagStatus) -> String {
    let troubled: Vec<String> =
        tag.vendors.iter().filter(|vendor| !vendor.is_well()).map(ToString::to_string).collect();
    match (troubled.is_empty(), tag.vendors.is_empty()) {
        (true, true) => "none met yet".to_owned(),
        (true, false) => "up".to_owned(),
        (false, _) => troubled.join("\n"),
    }
}

fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1_024)),
        1_048_576..10_737_418_240 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}
