//! Looking back, end to end: what was sent, `tagyard events` and the dry run, on running hosts and on stopped ones' data.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

mod dry_run;
mod export;
mod sent;
mod show;
mod tail;

use std::path::Path;

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};
use tagyard_tests::command::{Ended, run};
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

/// One tag that sends each event, one that sends them together, one that nobody agrees to, and one whose vendor refuses everything.
const TAGS: &str = r#"
[[tag]]
name = "each"
use = "webhook"
settings = { url = "https://each.example/in?key={{secret:token}}", bearer = true, headers = { x-site = "shop" } }
secrets = { token = { env = "TOKEN" } }
on = ["Order Completed"]
allow = { hosts = ["each.example"], fields = ["*"] }

[[tag]]
name = "together"
use = "webhook"
settings = { url = "https://together.example/in", body = "batch", sign = {} }
secrets = { signing_key = { env = "SIGNING_KEY" } }
allow = { hosts = ["together.example"], fields = ["*"] }

[[tag]]
name = "blocked"
use = "webhook"
settings = { url = "https://blocked.example/in" }
consent = ["advertising"]
allow = { hosts = ["blocked.example"], fields = ["*"] }

[[tag]]
name = "refused"
use = "webhook"
settings = { url = "https://refused.example/in" }
on = ["Order Completed"]
allow = { hosts = ["refused.example"], fields = ["type", "messageId"] }
"#;

/// Nothing is sent for its events.
const ONE: &str = r#"
[[tag]]
name = "one"
use = "webhook"
settings = { url = "https://one.example/in" }
on = ["never"]
allow = { hosts = ["one.example"], fields = ["*"] }
"#;

const TAG_COUNT: usize = 4;

/// Takes everything but what goes to `refused.example`.
async fn vendors() -> Receiver {
    Receiver::answering(|_, received| match received.host.as_str() {
        "refused.example" => (StatusCode::BAD_REQUEST, "no such key").into_response(),
        _ => StatusCode::OK.into_response(),
    })
    .await
}

fn order(id: &str, total: f64) -> Value {
    let user = format!("user-of-{id}");
    json!({"type": "track", "event": "Order Completed", "messageId": id, "userId": user, "properties": {"total": total}})
}

fn page(id: &str) -> Value {
    json!({"type": "page", "name": "Home", "messageId": id, "userId": format!("user-of-{id}")})
}

/// A host with [`TAGS`], through which the orders `m-1` to `m-3` and the page `m-4` have gone.
async fn with_four_events(receiver: &Receiver) -> TestHost {
    let mut host = TestHost::start(TAGS, Path::new(""), receiver).await;
    send(&host, &[order("m-1", 10.0), order("m-2", 20.0), order("m-3", 30.0), page("m-4")]).await;
    host.outcomes(4 * TAG_COUNT).await;
    host
}

async fn send(host: &TestHost, events: &[Value]) {
    let answer = host.client.post("/v1/batch", &json!({"writeKey": "key", "batch": events})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

/// Runs a command on a data directory, in a folder of its own or the one given.
async fn ask_in(folder: &Path, data: &Path, arguments: &[&str]) -> Ended {
    let data = data.to_str().expect("a path");
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--data-dir", data]).collect();
    run(folder, &[], &arguments, "").await
}

async fn ask(data: &Path, arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().expect("a folder");
    ask_in(folder.path(), data, arguments).await
}

/// What a command printed that has to succeed.
async fn printed(data: &Path, arguments: &[&str]) -> String {
    let ended = ask(data, arguments).await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    ended.stdout
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}
