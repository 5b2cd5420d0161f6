//! What an operator owes a person: `tagyard forget` and `tagyard export`, on a running host and on a stopped one's data.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

mod export;
mod forget;
mod ids;
mod links;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};
use tagyard_tests::command::{Ended, Served, run};
use tagyard_tests::receiver::Receiver;
use tempfile::TempDir;

/// A tag that never runs, one that sends each event, one that sends them together, one whose vendor refuses everything, and one whose vendor is down.
const SHOP: &str = r#"
name = "shop"

[collect]
write_keys = ["key"]

[[tag]]
name = "never"
use = "webhook"
settings = { url = "https://never.example/in" }
on = ["Never"]
allow = { hosts = ["never.example"], fields = ["*"] }

[[tag]]
name = "each"
use = "webhook"
settings = { url = "https://each.example/in" }
allow = { hosts = ["each.example"], fields = ["*"] }

[[tag]]
name = "together"
use = "webhook"
settings = { url = "https://together.example/in", body = "batch" }
allow = { hosts = ["together.example"], fields = ["*"] }

[[tag]]
name = "refused"
use = "webhook"
settings = { url = "https://refused.example/in" }
allow = { hosts = ["refused.example"], fields = ["*"] }

[[tag]]
name = "down"
use = "webhook"
settings = { url = "https://down.example/in" }
allow = { hosts = ["down.example"], fields = ["*"] }
"#;

const ADA: [&str; 4] = ["u-ada-17", "a-ada-5f0c", "ada@example.com", "m-ada-"];

struct Shop {
    vendors: Receiver,
    is_up: Arc<AtomicBool>,
    folder: TempDir,
}

impl Shop {
    async fn new() -> Self {
        let is_up = Arc::new(AtomicBool::new(false));
        let up = is_up.clone();
        let vendors = Receiver::answering(move |_, received| match received.host.as_str() {
            "refused.example" => (StatusCode::FORBIDDEN, "not today").into_response(),
            "down.example" if !up.load(Ordering::SeqCst) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            _ => StatusCode::OK.into_response(),
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("shop.toml"), SHOP).unwrap();
        Shop { vendors, is_up, folder }
    }

    async fn serve(&self) -> Served {
        let options = ["shop.toml", "--data-dir", "data", "--divert", &self.vendors.url()];
        Served::start(self.folder.path(), &[], &options).await
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What a command says, and that it ends as it should.
    async fn ask(&self, arguments: &[&str], code: i32) -> Ended {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--data-dir", "data"]).collect();
        let ended = run(self.folder.path(), &[], &arguments, "").await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        ended
    }

    async fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let ended = self.ask(arguments, 0).await;
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// Waits until a tag has so many outcomes.
    async fn ended(&self, tag: &str, count: usize) {
        for _ in 0..600 {
            let lines = self.lines(&["events", "export", "--tag", tag]).await;
            if lines.len() >= count {
                return;
            }
        }
        panic!("{tag} never came to {count} outcomes");
    }

    /// Below the data directory, the files that hold one of these texts.
    fn holding(&self, texts: &[&str]) -> Vec<PathBuf> {
        let holds = |path: &PathBuf| {
            let bytes = fs::read(path).unwrap();
            texts.iter().any(|text| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
        };
        files(&self.data()).into_iter().filter(holds).collect()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // Sockets and machine code hold nobody's data.
    let entries = entries.filter(|path| !path.ends_with("admin.sock") && !path.ends_with("compiled"));
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Ada's visit, from before she said who she is, and Bob's, in the same requests.
async fn visits(served: &Served) {
    let bob = |number: u8, properties: Value| {
        json!({"type": "track", "event": "Order Completed", "messageId": format!("m-bob-{number}"), "userId": "u-bob",
            "anonymousId": "a-bob", "properties": properties})
    };
    let events = [
        json!({"type": "page", "messageId": "m-ada-1", "anonymousId": "a-ada-5f0c"}),
        bob(1, json!({"total": 1})),
        json!({"type": "identify", "messageId": "m-ada-2", "userId": "u-ada-17", "anonymousId": "a-ada-5f0c",
            "traits": {"email": "ada@example.com"}}),
        json!({"type": "track", "event": "Order Completed", "messageId": "m-ada-3", "userId": "u-ada-17"}),
        bob(2, json!({"email": "bob@example.com"})),
    ];
    send(served, &events).await;
    // No source can take it; it is hers all the same.
    send(served, &[json!({"type": "track", "messageId": "m-ada-4", "userId": "u-ada-17"})]).await;
}

async fn send(served: &Served, events: &[Value]) {
    let answer = served.client.post("/v1/batch", &json!({"writeKey": "key", "batch": events})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}
