//! The threads that connections are served on. Each has a runtime of its own and shares nothing with the others, and no tag's worker and no
//! delivery runs there: whoever waits for an answer waits for the disk and for those who ask on the same thread, and for nobody else.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

pub(super) struct Threads {
    all: Vec<Thread>,
}

struct Thread {
    runtime: Handle,
    /// Each of its connections has another.
    held: Arc<()>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// A connection's place on a thread.
pub(super) struct Place {
    pub(super) runtime: Handle,
    _held: Arc<()>,
}

impl Threads {
    /// # Errors
    /// When the system gives none.
    pub(super) fn start(number: usize) -> io::Result<Self> {
        Ok(Threads { all: (0..number.max(1)).map(|_| Thread::start()).collect::<io::Result<_>>()? })
    }

    /// On the one that has the fewest connections; `None` where there is none.
    pub(super) fn place(&self) -> Option<Place> {
        let thread = self.all.iter().min_by_key(|thread| Arc::strong_count(&thread.held))?;
        Some(Place { runtime: thread.runtime.clone(), _held: thread.held.clone() })
    }

    /// Ends them, with what still runs there.
    pub(super) async fn stop(self) {
        let end = |Thread { stop, thread, .. }| {
            drop(stop);
            thread
        };
        let threads: Vec<_> = self.all.into_iter().map(end).collect();
        let ended = move || threads.into_iter().for_each(|thread| drop(thread.join()));
        let _ = tokio::task::spawn_blocking(ended).await;
    }
}

impl Thread {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (stop, stopping) = oneshot::channel();
        let handle = runtime.handle().clone();
        let thread = thread::Builder::new().name("collect".to_owned()).spawn(move || run(runtime, stopping))?;
        Ok(Thread { runtime: handle, held: Arc::new(()), stop, thread })
    }
}

fn run(runtime: Runtime, stopping: oneshot::Receiver<()>) {
    // Either way it is to end.
    let _ = runtime.block_on(stopping);
    runtime.shutdown_background();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_go_where_the_fewest_are_and_end_with_the_threads() {
        let threads = Threads::start(3).expect("threads");
        let first: Vec<_> = (0..6).filter_map(|_| threads.place()).collect();
        let ids = |places: &[Place]| {
            let mut ids: Vec<_> = places.iter().map(|place| place.runtime.id().to_string()).collect();
            ids.sort_unstable();
            ids
        };
        assert!(ids(&first).chunks(2).all(|two| two[0] == two[1]), "{:?}", ids(&first));
        let (left, gone) = (first[0].runtime.id(), first);
        let kept: Vec<_> = gone.into_iter().filter(|place| place.runtime.id() != left).collect();
        let next: Vec<_> = (0..2).filter_map(|_| threads.place()).collect();
        assert!(next.iter().all(|place| place.runtime.id() == left));
        let endless = kept[0].runtime.spawn(std::future::pending::<()>());
        threads.stop().await;
        assert!(endless.await.is_err_and(|error| error.is_cancelled()));
    }
}
