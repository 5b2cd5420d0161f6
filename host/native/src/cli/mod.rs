//! The commands.

/// Prints a line. Where `println!` panics because nobody reads on, as in `tagyard dead list | head`, this goes on.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

mod bar;
pub mod check;
mod check_identity;
mod check_visitors;
pub mod dead;
pub mod demo;
pub mod events;
pub mod explain;
pub mod export;
mod follow;
pub mod forget;
mod log;
mod output;
mod person;
mod place;
mod redrive;
pub mod replay;
mod replay_dry;
pub mod schema;
pub mod serve;
pub mod spin;
pub mod status;
mod stopped;
pub mod tag;
mod tag_check;
pub mod r#try;
mod try_identity;
mod try_request;
mod try_why;

use std::process::ExitCode;

/// Runs a command's asynchronous part. Its error is printed as one line.
fn block_on<E: std::fmt::Display>(work: impl Future<Output = Result<ExitCode, E>>) -> ExitCode {
    let runtime = match crate::runtime::start() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    runtime.block_on(work).unwrap_or_else(|error| fail(&error))
}

/// As in `1 event` and `2 events`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
