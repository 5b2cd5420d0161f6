//! The `tagyard` command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tagyard::cli;

/// Server-side tag management: events in by HTTP, tags as sandboxed WebAssembly components, requests out to vendors.
///
/// A container file says who may send events and which tags run. Begin with `tagyard demo`, then write a file, `check` it,
/// `try` an event on it, and `serve` it.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
struct Tagyard {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  tagyard demo                                  see it work, with nothing leaving this machine
  tagyard tag inspect ga4                       what a tag does, and how a container uses it
  tagyard check shop.toml                       every mistake in a container file
  tagyard try shop.toml event.json              what each tag would do with an event, and why
  tagyard explain shop.toml                     what the container does, in plain sentences
  tagyard serve shop.toml                       run it
  tagyard spin shop.toml -o spin.toml           the same on Spin
  tagyard status                                how it is doing
  tagyard dead list                             what was given up, and why
  tagyard dead redrive --tag ga4                try that again
  tagyard replay --tag ga4 --since 2026-11-20T00:00Z   past events again, for a tag that was added or mended
  tagyard events tail                           what comes in, and what becomes of it
  tagyard export --user-id u-17                 everything that is held about a person
  tagyard forget --user-id u-17                 remove it

Each command says more with --help.";

#[derive(Subcommand)]
enum Command {
    Serve(cli::serve::Args),
    Check(cli::check::Args),
    Try(cli::r#try::Args),
    Explain(cli::explain::Args),
    Schema(cli::schema::Args),
    /// Look at tag components.
    #[command(subcommand)]
    Tag(cli::tag::Command),
    Status(cli::status::Args),
    /// Dead letters, which will not be tried again by themselves: look at them, run them again, let them go.
    #[command(subcommand)]
    Dead(cli::dead::Command),
    /// Look at events: as they come, one of them whole, or all of a time.
    #[command(subcommand)]
    Events(cli::events::Command),
    Replay(cli::replay::Args),
    Spin(cli::spin::Args),
    Forget(cli::forget::Args),
    Export(cli::export::Args),
    Demo(cli::demo::Args),
}

fn main() -> ExitCode {
    match Tagyard::parse().command {
        Command::Serve(args) => cli::serve::run(args),
        Command::Check(args) => cli::check::run(&args),
        Command::Try(args) => cli::r#try::run(&args),
        Command::Explain(args) => cli::explain::run(&args),
        Command::Schema(args) => cli::schema::run(&args),
        Command::Tag(command) => cli::tag::run(&command),
        Command::Status(args) => cli::status::run(&args),
        Command::Dead(command) => cli::dead::run(&command),
        Command::Events(command) => cli::events::run(&command),
        Command::Replay(args) => cli::replay::run(&args),
        Command::Spin(args) => cli::spin::run(&args),
        Command::Forget(args) => cli::forget::run(&args),
        Command::Export(args) => cli::export::run(&args),
        Command::Demo(args) => cli::demo::run(args),
    }
}
