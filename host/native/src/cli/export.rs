//! `tagyard export`: everything that is held about a person.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use super::output::writer;
use super::person::Which;
use super::place::Place;
use super::{block_on, counted};
use crate::history::History;
use crate::person::{self, ExportError};

/// Write everything that is held about a person, as JSON lines.
///
/// Each line has its `kind`: `person`, with the ids that were gone by; `link`, an anonymous id and its user; `event`, with how it ended for each tag; `request`, as it was sent
/// to a vendor; `dead_letter`. A request that carried other persons' events as well is a `shared_request`, without its content, as that is
/// theirs too. The person is found by the ids that are given, and by those that events have beside them; what is not the container's,
/// such as what a vendor keeps, is the vendor's to export.
///
/// Works while the host runs and when it is stopped. A file is made for its owner alone.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Place,
    /// Write to this file; without it, to standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  tagyard export --user-id u-17 -o u-17.jsonl
  tagyard export --user-id u-17 --anonymous-id 5f0c --only-these-ids
  tagyard export --user-id u-17 --data-dir /var/lib/tagyard | jq -r 'select(.kind == \"request\") | .request.url'";

pub fn run(args: &Args) -> ExitCode {
    block_on(export(args))
}

async fn export(args: &Args) -> Result<ExitCode, String> {
    let history = History::open(&args.place.data_dir).await.map_err(|error| error.to_string())?;
    let name = args.output.as_ref().map_or("standard output".to_owned(), |path| path.display().to_string());
    let failed = |error: io::Error| format!("cannot write {name}: {error}");
    let out = writer(args.output.as_deref()).map_err(failed)?;
    match person::export(&history, &args.which.who(), out).await {
        Ok(exported) => {
            // Not among the lines: they may go to a pipe.
            if args.output.is_some() {
                eprintln!("{exported} written to {name}");
            }
            if exported.of_others > 0 {
                let events = counted(exported.of_others, "event");
                eprintln!(
                    "{events} of these name another user beside one of the ids: look at them before you hand this out"
                );
            }
            if exported.is_nothing() {
                eprintln!("nothing is held about this person");
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(ExportError::Write(error)) => Err(failed(error)),
        Err(error) => Err(error.to_string()),
    }
}
