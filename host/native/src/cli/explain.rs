//! `tagyard explain`: a container in plain sentences.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::container;
use crate::explain::explain;

/// Say in plain sentences what a container does, for somebody who reads no TOML.
///
/// Where events come from, what happens to them in which order, for each tag when it runs, on what consent, what it sees and where it
/// sends it, and what is kept for how long. Conditions are put into words as far as there are some, and quoted otherwise. Secrets are
/// named, need not be set, and are never shown.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The container file.
    #[arg(value_name = "CONTAINER.toml")]
    container: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  tagyard explain shop.toml
  tagyard explain shop.toml > shop.txt      for the records of processing, or to see in git how a change reads";

/// Exits with 0 if the container is fine, with 1 if it is not.
pub fn run(args: &Args) -> ExitCode {
    match container::load(&args.container, super::r#try::secrets) {
        Ok(loaded) => {
            say!("{}", explain(&loaded).trim_end());
            ExitCode::SUCCESS
        }
        Err(report) => {
            eprintln!("{}", report.pretty());
            ExitCode::FAILURE
        }
    }
}
