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

/// How long deliveries that were cut off take to be recorded as left.
const CUT_TIMEOUT: Duration = Duration::from_secs(2);

/// The running workers of a container.
pub struct Dispatcher {
    workers: JoinSet<()>,
    deliverer: Arc<Deliverer>,
    stop: watch::Sender<bool>,
}

impl Dispatcher {
    /// Starts a worker for each tag; the recorder has their cursors.
    pub fn start(
        tags: &[Arc<Tag>],
        journal: &EventJournal,
        recorder: &Recorder,
        deliverer: &Arc<Deliverer>,
        decoded: &Arc<Decoded>,
    ) -> Self {
        let (stop, stopping) = watch::channel(false);
        let mut workers = JoinSet::new();
        for tag in tags {
            let stage = Stage::new(tag.clone(), recorder.clone(), deliverer.clone());
            workers.spawn(Worker::new(Arc::new(stage), journal.clone(), decoded.clone()).run(stopping.clone()));
        }
        Dispatcher { workers, deliverer: deliverer.clone(), stop }
    }

    /// Stops as at the end of the process: takes no more events, and waits for what is in flight until `deadline`. What is not done
    /// then stays in the journal.
    pub async fn stop(mut self, deadline: Duration) {
        self.finish(deadline).await;
        // Only a disk that takes no outcomes holds them up any longer.
        let _ = tokio::time::timeout(CUT_TIMEOUT, self.ended()).await;
        self.workers.shutdown().await;
    }

    /// Stops, and returns when nothing of it goes on any more, however long its outcomes take to be recorded: another dispatcher
    /// takes up what it leaves. May be dropped and called again.
    pub async fn hand_over(&mut self, deadline: Duration) {
        self.finish(deadline).await;
        self.ended().await;
    }

    async fn finish(&mut self, deadline: Duration) {
        // A worker that has ended needs no telling.
        let _ = self.stop.send(true);
        self.deliverer.stop();
        if tokio::time::timeout(deadline, self.ended()).await.is_err() {
            tracing::info!("deliveries that were still under way are cut off, and sent again later");
            self.deliverer.cut();
        }
    }

    async fn ended(&mut self) {
        while self.workers.join_next().await.is_some() {}
    }
}
