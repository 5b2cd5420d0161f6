//! A stand-in for `spin up`: it composes each component with its dependencies as Spin does, hosts them on Wasmtime's own `wasi:http`, and
//! answers what they import, within what their manifest allows them.
//!
//! It knows what the project's components need, and refuses a manifest that says more.

mod allowed;
mod compose;
mod guest;
mod key_value;
mod manifest;
mod serve;
mod variables;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// The part of `spin up` that the tests use.
#[derive(Debug, Parser)]
#[command(name = "the stand-in of tests/spin", version = "for Spin 4.1")]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Up {
        /// The manifest.
        #[arg(short, long)]
        from: PathBuf,
        #[arg(long)]
        listen: SocketAddr,
        /// Where the key-value store is.
        #[arg(long)]
        state_dir: PathBuf,
        /// Where each component's output goes.
        #[arg(long)]
        log_dir: PathBuf,
        /// `NAME=VALUE`, for an application variable.
        #[arg(long = "variable")]
        variables: Vec<String>,
        /// Says nothing but where it listens.
        #[arg(long)]
        quiet: bool,
    },
}

#[tokio::main]
async fn main() -> wasmtime::Result<()> {
    let Command::Up { from, listen, state_dir, log_dir, variables, quiet: _ } = Options::parse().command;
    let application = manifest::read(&from, &variables)?;
    serve::up(application, listen, &state_dir, &log_dir).await
}
