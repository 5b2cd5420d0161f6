//! The threads that everything asynchronous runs on: sockets, the collector, the tags' workers, deliveries.

use std::ffi::{OsStr, OsString};
use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};

/// How an operator chooses the number of threads; the name is tokio's.
const CHOSEN: &str = "TOKIO_WORKER_THREADS";

/// More than any machine has processors, and as many stacks as no typing error should cost.
const MOST: usize = 1_024;

/// A runtime with one thread fewer than there are processors, unless `TOKIO_WORKER_THREADS` says otherwise. Beside these threads there
/// are the journal's, on which every answer waits, and the guests'. Where a processor is left to them, nobody has to be pushed from
/// one first: see BENCHMARKS.md.
///
/// # Errors
/// When what was chosen is no number of threads, or the system gives none.
pub fn start() -> io::Result<Runtime> {
    let processors = available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread().enable_all().worker_threads(threads(std::env::var_os(CHOSEN), processors)?).build()
}

fn threads(chosen: Option<OsString>, processors: usize) -> io::Result<usize> {
    let Some(chosen) = chosen else { return Ok(processors.saturating_sub(1).max(1)) };
    let number = chosen.to_str().and_then(|text| text.parse().ok()).filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| no_number(&chosen))
}

fn no_number(chosen: &OsStr) -> io::Error {
    let message = format!("`{CHOSEN}` is {chosen:?}: set it to a number of threads from 1 to {MOST}, or not at all");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn leaves_a_processor_where_there_are_several() {
        assert_eq!([1, 2, 4, 16].map(|processors| threads(None, processors).unwrap()), [1, 1, 3, 15]);
    }

    #[test]
    fn takes_what_is_chosen_if_it_is_a_number_of_threads() {
        let check = |chosen: &str| threads(Some(chosen.into()), 2).map_err(|error| error.to_string());
        assert_eq!([check("1"), check("8")], [Ok(1), Ok(8)]);
        for wrong in ["0", "", "two", "-1", "1e9", "1025"] {
            let error = check(wrong).unwrap_err();
            assert!(error.contains(wrong) && error.contains("from 1 to 1024"), "{error}");
        }
    }
}
