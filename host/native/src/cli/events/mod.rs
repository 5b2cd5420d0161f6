//! `tagyard events`: what came in and what became of it.

mod export;
mod show;
mod tail;

use std::process::ExitCode;

use clap::Subcommand;
use jiff::Timestamp;
use tagyard_pipeline::outcome::Outcome;

use super::block_on;

/// The commands on events.
#[derive(Debug, Subcommand)]
pub enum Command {
    Tail(tail::Args),
    Show(show::Args),
    Export(export::Args),
}

pub fn run(command: &Command) -> ExitCode {
    block_on(async {
        match command {
            Command::Tail(args) => tail::run(args).await,
            Command::Show(args) => show::run(args).await,
            Command::Export(args) => export::run(args).await,
        }
    })
}

/// An outcome in words, with its reason and how often it was tried.
fn described(outcome: &Outcome, attempts: u32) -> String {
    let name = match outcome {
        Outcome::DeadLetter { cause, .. } => format!("dead letter ({cause})"),
        outcome => outcome.name().replace('_', " "),
    };
    let reason = outcome.reason().map_or(String::new(), |reason| format!(": {}", super::r#try::printable(reason)));
    format!("{name}{reason}{}", tried(attempts))
}

/// Nothing for what needed one attempt, or none.
fn tried(attempts: u32) -> String {
    match attempts {
        0 | 1 => String::new(),
        attempts => format!(" ({attempts} attempts)"),
    }
}

fn shown(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}
