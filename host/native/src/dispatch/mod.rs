//! Dispatch: one worker a tag, each reading the journal with its own cursor, so that a slow or dead vendor holds back only
//! its own tag.

mod batch;
mod lanes;
mod reading;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::decoded::Decoded;
use crate::deliver::Deliverer;
use crate::journal::EventJournal;
use crate::outcomes::Recorder;
use crate::tag::Tag;
use batch::Stage;
use worker::Worker;

/// The running workers of a container.
pub struct Dispatcher {
    workers: JoinSet<()>,
    deliverer: Arc<Deliverer>,
    stop: watch::Sender<bool>,
}

impl Dispatcher {
    /// Starts a worker for each tag; the recorder has their cursors.
    pub fn start(
        tags: Vec<Arc<Tag>>,
        journal: &EventJournal,
        recorder: &Recorder,
        deliverer: &Arc<Deliverer>,
        decoded: &Arc<Decoded>,
    ) -> Self {
        let (stop, stopping) = watch::channel(false);
        let mut workers = JoinSet::new();
        for tag in tags {
            let stage = Stage::new(tag, recorder.clone(), deliverer.clone());
            workers.spawn(Worker::new(Arc::new(stage), journal.clone(), decoded.clone()).run(stopping.clone()));
        }
        Dispatcher { workers, deliverer: deliverer.clone(), stop }
    }

    /// Stops taking events, and waits for what is in flight until `deadline`. What is not done then stays in the journal.
    pub async fn stop(mut self, deadline: Duration) {
        // A worker that has ended needs no telling.
        let _ = self.stop.send(true);
        self.deliverer.stop();
        let all = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(deadline, all).await.is_err() {
            tracing::info!("deliveries that were still under way are left to the next start");
        }
        self.workers.shutdown().await;
    }
}
