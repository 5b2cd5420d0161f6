//! The threads that everything asynchronous runs on: sockets, the collector, the tags' workers, deliveries.

use std::num::NonZero;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};

/// How tokio lets an operator choose the number of threads.
const CHOSEN: &str = "TOKIO_WORKER_THREADS";

/// A runtime with one thread fewer than there are processors, unless `TOKIO_WORKER_THREADS` says otherwise. Beside these threads there
/// are the journal's, on which every answer waits, and the guests'. Where a processor is left to them, nobody has to be pushed from
/// one first: see BENCHMARKS.md.
///
/// # Errors
/// When the system gives no threads.
pub fn start() -> std::io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    builder.enable_all();
    if std::env::var_os(CHOSEN).is_none() {
        builder.worker_threads(threads(available_parallelism().map_or(1, NonZero::get)));
    }
    builder.build()
}

fn threads(processors: usize) -> usize {
    processors.saturating_sub(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_a_processor_where_there_are_several() {
        assert_eq!([1, 2, 4, 16].map(threads), [1, 1, 3, 15]);
    }
}
