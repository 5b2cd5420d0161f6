//! How many threads what is asynchronous runs on: so many of the collector's (`collect/threads.rs`), and as many for all the rest, the
//! tags' workers, deliveries, commands.

use std::ffi::{OsStr, OsString};
use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};

/// How an operator chooses the number of threads; the name is tokio's.
const CHOSEN: &str = "TOKIO_WORKER_THREADS";

/// More than any machine has processors, and as many stacks as no typing error should cost.
const MOST: usize = 1_024;

/// A runtime with so many [`threads`].
///
/// # Errors
/// When what was chosen is no number of threads, or the system gives none.
pub fn start() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().worker_threads(threads()?).build()
}

/// A thread for each processor, unless `TOKIO_WORKER_THREADS` says otherwise.
///
/// # Errors
/// When what was chosen is no number of threads.
pub fn threads() -> io::Result<usize> {
    of(std::env::var_os(CHOSEN), available_parallelism().map_or(1, NonZero::get))
}

fn of(chosen: Option<OsString>, processors: usize) -> io::Result<usize> {
    let Some(chosen) = chosen else { return Ok(processors) };
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
    fn takes_what_is_chosen_if_it_is_a_number_of_threads() {
        assert_eq!(of(None, 2).unwrap(), 2);
        let check = |chosen: &str| of(Some(chosen.into()), 2).map_err(|error| error.to_string());
        assert_eq!([check("1"), check("8")], [Ok(1), Ok(8)]);
        for wrong in ["0", "", "two", "-1", "1e9", "1025"] {
            let error = check(wrong).unwrap_err();
            assert!(error.contains(wrong) && error.contains("from 1 to 1024"), "{error}");
        }
    }
}
