//! The threads that guests run on. They are not tokio's: a guest that loops to its deadline must not hold up a socket.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, Sender};
use tokio::sync::{Semaphore, oneshot};

use crate::limits::WORKER_STACK_BYTES;

type Job = Box<dyn FnOnce() + Send>;

/// How many calls wait for a thread at most; further callers wait in their own tasks, holding nothing but their events.
const WAITING_CALLS: usize = 256;

/// A pool of threads. It ends when the last handle is dropped.
#[derive(Clone)]
pub(super) struct Workers {
    jobs: Sender<Job>,
    places: Arc<Semaphore>,
}

/// As many as there are cores, and two at least: one tag's slow guest must leave a thread to its neighbours.
pub(super) fn count() -> usize {
    thread::available_parallelism().map_or(2, |cores| cores.get().max(2))
}

impl Workers {
    pub(super) fn start() -> std::io::Result<Self> {
        let (jobs, waiting) = crossbeam_channel::bounded::<Job>(WAITING_CALLS);
        for number in 0..count() {
            let waiting = waiting.clone();
            thread::Builder::new()
                .name(format!("guest-{number}"))
                .stack_size(WORKER_STACK_BYTES)
                .spawn(move || work(&waiting))?;
        }
        Ok(Workers { jobs, places: Arc::new(Semaphore::new(WAITING_CALLS)) })
    }

    /// How many threads one tag may occupy.
    pub(super) fn share(&self) -> usize {
        count() - 1
    }

    /// Runs a job on one of the threads; `None` if it panicked there.
    pub(super) async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        // It goes with the job: a caller may leave, and its job is still in the channel.
        let place = self.places.clone().acquire_owned().await.ok()?;
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            let _place = place;
            drop(done.send(job()));
        });
        // Never blocks: there are as many places as the channel has.
        self.jobs.send(job).ok()?;
        result.await.ok()
    }
}

fn work(waiting: &Receiver<Job>) {
    while let Ok(job) = waiting.recv() {
        // A guest cannot make the host panic; if it ever can, it costs that call and not the thread.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a call panicked on the host's side");
        }
    }
}
