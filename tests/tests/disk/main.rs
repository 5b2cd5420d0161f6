//! Disks that fail under the real command: what cannot be written down is not acknowledged, what was acknowledged is delivered, and
//! the host goes on by itself when the disk does.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

mod disk;
mod ext4;
mod read_only;
mod reading;
mod writing;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};
use tagyard_tests::command::Served;
use tagyard_tests::receiver::Receiver;
use tempfile::TempDir;
use tokio::sync::watch;

/// One tag that passes every event on, and one whose vendor refuses all, so that there are dead letters too.
const CONTAINER: &str = r#"
name = "disk"

[collect]
write_keys = ["key"]

[[tag]]
name = "hook"
use = "webhook"
settings = { url = "https://hook.example/in" }
allow = { hosts = ["hook.example"], fields = ["*"] }

[[tag]]
name = "refused"
use = "webhook"
settings = { url = "https://refused.example/in" }
on = ["Refused"]
allow = { hosts = ["refused.example"], fields = ["*"] }
"#;

/// A vendor that can be ill, and that refuses everything for the second tag.
struct Vendor {
    receiver: Receiver,
    ill: Arc<AtomicBool>,
    /// Requests of the first tag that it answered with 200.
    taken: watch::Sender<usize>,
}

impl Vendor {
    async fn start() -> Self {
        let ill = Arc::new(AtomicBool::new(false));
        let (is_ill, taken) = (ill.clone(), watch::Sender::new(0));
        let takes = taken.clone();
        let receiver = Receiver::answering(move |_, received| {
            let status = match received.host.as_str() {
                "refused.example" => StatusCode::FORBIDDEN,
                _ if is_ill.load(Ordering::SeqCst) => StatusCode::SERVICE_UNAVAILABLE,
                _ => {
                    takes.send_modify(|taken| *taken += 1);
                    StatusCode::OK
                }
            };
            status.into_response()
        })
        .await;
        Vendor { receiver, ill, taken }
    }

    fn taken(&self) -> usize {
        *self.taken.borrow()
    }

    /// Waits until it has taken so many requests.
    async fn takes(&self, count: usize) {
        let mut taken = self.taken.subscribe();
        let waiting = tokio::time::timeout(Duration::from_secs(60), taken.wait_for(|taken| *taken >= count)).await;
        let _ = waiting.unwrap_or_else(|_| panic!("{count} were to be taken, and {} were", self.taken()));
    }

    fn set_ill(&self, ill: bool) {
        self.ill.store(ill, Ordering::SeqCst);
    }
}

/// A folder with the container.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("disk.toml"), CONTAINER).unwrap();
    folder
}

fn event(id: &str) -> Value {
    json!({"type": "track", "event": "Paid", "messageId": id, "userId": id})
}

/// The events that a tag has delivered, as the host's admin socket says.
async fn delivered(data: &std::path::Path, tag: &str) -> u64 {
    let status: tagyard::admin::Status = tagyard::admin::ask(data, "/status").await.unwrap();
    status.tags.iter().find(|of| of.tag == tag).unwrap().delivered
}

async fn dead_letters(data: &std::path::Path) -> usize {
    let letters: Vec<Value> = tagyard::admin::ask(data, "/dead?limit=1000").await.unwrap();
    letters.len()
}

/// Sends an event that is expected to be accepted.
async fn accept(served: &Served, id: &str) {
    let mut event = event(id);
    event["writeKey"] = "key".into();
    let answer = served.client.post("/v1/track", &event).await;
    assert_eq!(answer.status, StatusCode::OK, "{id}: {}", answer.text());
}
