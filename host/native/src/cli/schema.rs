//! `tagyard schema`: the JSON Schema of the container file.

use std::process::ExitCode;

use crate::container;

/// Print the JSON Schema of the container file, so that an editor completes and checks it.
///
/// It describes every key, with its default and an example, and the settings and secrets of each bundled tag. An editor with a TOML
/// language server (Taplo, Even Better TOML, Tombi) finds it by the file's first line, `#:schema ./container.schema.json`.
/// `tagyard check` finds more: expressions, files, secrets, and what belongs together.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {}

const EXAMPLES: &str = "\
Examples:
  tagyard schema > container.schema.json";

/// Always succeeds.
pub fn run(_: &Args) -> ExitCode {
    say!("{:#}", container::editor_schema());
    ExitCode::SUCCESS
}
