//! Shows that nothing is lost: kills the real host over and over, under real load and with vendors that misbehave, and compares
//! what was acknowledged with what the vendors took and what lies in the data directory. Started by `tests/crash`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

mod check;
mod load;
mod log;
mod plan;
mod process;
mod redrive;
mod round;
mod tags;
mod vendors;

use std::process::ExitCode;

use clap::Parser;
use comfy_table::{Table, presets};
use rand::RngExt;

use plan::Plan;
use process::Setting;
use round::{Run, Totals};
use vendors::Vendors;

/// Kill the host over and over while events come in and vendors misbehave, and check that nothing is lost.
///
/// Each round is one life of a real `tagyard serve` on the same data directory: events come in from several senders, the vendors
/// are well, slow, failing, limiting, resetting connections or gone, the container is changed and reloaded, dead letters are redriven,
/// and at a random moment the process is killed, or told to stop.
/// Every 25 rounds, and at the end, the vendors are well, everything drains, and is checked. Exits with 1 on a violation, and keeps
/// the data then.
#[derive(Parser)]
#[command(name = "tests/crash", max_term_width = 100)]
struct Args {
    /// How many rounds; some 30 a minute.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// What the rounds are drawn from. The same seed makes the same plan; which event a kill hits is up to the machine.
    #[arg(long)]
    seed: Option<u64>,
    /// Keep the data directory and the host's log in any case.
    #[arg(long)]
    keep: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    println!("seed {seed}");
    let mut folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("crash.toml"), tags::container(0)).expect("a container");
    let mut plan = Plan::new(seed);
    let vendors = Vendors::start(plan.split()).await;
    let divert = format!("http://{}", vendors.address);
    let setting = Setting { command: process::command(), folder: folder.path().to_owned(), divert };
    let log = setting.log();
    let mut run = Run::new(setting, vendors, plan);
    let result = run.rounds(args.rounds).await.and_then(|()| look_at_log(&log));
    folder.disable_cleanup(args.keep || result.is_err());
    if args.keep || result.is_err() {
        println!("the data and the host's log are kept in {}", folder.path().display());
    }
    match result {
        Ok(reloaded) => {
            println!("{}", table(&run.totals, reloaded));
            println!("nothing was lost");
            ExitCode::SUCCESS
        }
        Err(violations) => {
            violations.iter().for_each(|violation| println!("violated: {violation}"));
            println!("run it again with --rounds {} --seed {seed}", args.rounds);
            ExitCode::FAILURE
        }
    }
}

/// The host says so in its log when one of its tasks panics, and goes on, and when it does not take a container. How many it took.
fn look_at_log(log: &std::path::Path) -> Result<usize, Vec<String>> {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let is_wrong = |line: &str| {
        line.contains("panicked") || line.contains("was not reloaded") && !line.contains("the host is stopping")
    };
    let wrong: Vec<String> = text.lines().filter(|line| is_wrong(line)).map(str::to_owned).collect();
    if wrong.is_empty() { Ok(text.matches("the container was reloaded").count()) } else { Err(wrong) }
}

fn table(totals: &Totals, reloaded: usize) -> Table {
    let figures = &totals.figures;
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let mut row = |what: &str, figure: String| {
        table.add_row([what.to_owned(), figure]);
    };
    row("rounds", totals.rounds.to_string());
    row("kills (of them in the start)", format!("{} ({})", totals.kills, totals.kills_in_start));
    row("stops by SIGTERM", totals.terminations.to_string());
    row("reloads asked for, and taken", format!("{}, {reloaded}", totals.reloads));
    row("redrives asked for, and answered", format!("{}, {}", totals.redrives, totals.redrives_answered));
    row("requests sent (repeated after their 200)", format!("{} ({})", totals.requests, totals.repeated));
    row("events sent", figures.sent.to_string());
    row("events acknowledged", figures.acknowledged.to_string());
    row("events taken whose sender never heard of it", figures.unheard.to_string());
    row("delivered, over all tags", figures.delivered.to_string());
    row("not triggered", figures.not_triggered.to_string());
    row("dead letters that are left", figures.dead.to_string());
    row("further outcomes of redriven events", figures.again.to_string());
    let bounded = |duplicates: u64, bound: u64| format!("{duplicates} of at most {bound}");
    row("duplicates after kills, of events in flight then", bounded(figures.after_kills, figures.in_flight));
    row("duplicates after answers that were lost", bounded(figures.after_lost_answers, figures.lost_answers));
    row("most in flight at one kill", figures.most_in_flight.to_string());
    row("longest recovery after a kill", format!("{} ms", totals.longest_recovery.as_millis()));
    row("longest drain", format!("{:.1} s", totals.longest_drain.as_secs_f64()));
    table
}
