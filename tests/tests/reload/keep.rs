//! What is kept on disk, and what happens when it may not be more.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};
use tagyard_tests::client::{Answer, Client};
use tagyard_tests::command::Served;
use tagyard_tests::receiver::Receiver;

use crate::{folder, head, hook, wait_for_status, write};

const BATCH: usize = 14;

/// Sends a batch of large events, some 420 KB together.
async fn send_batch(client: &Client, number: usize) -> Answer {
    let event = |at: usize| {
        let id = format!("m-{}", number * BATCH + at);
        json!({"type": "track", "event": "Large", "userId": id, "messageId": id, "properties": {"filler": "x".repeat(30_000)}})
    };
    let batch: Vec<Value> = (0..BATCH).map(event).collect();
    client.post("/v1/batch", &json!({"writeKey": "key", "batch": batch})).await
}

async fn start(folder: &Path, receiver: &Receiver) -> Served {
    Served::start(folder, &[], &["shop.toml", "--no-watch", "--divert", &receiver.url()]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_let_go_by_size_and_a_reload_changes_how_much() {
    let receiver = Receiver::start().await;
    let folder = folder(&(head("key") + &hook("a", "1")));
    let served = start(folder.path(), &receiver).await;
    for number in 0..12 {
        assert_eq!(send_batch(&served.client, number).await.status, 200);
    }
    receiver.wait_for(12 * BATCH).await;
    let status = wait_for_status(folder.path(), "delivered", |status| status["tags"][0]["lag_events"] == 0).await;
    // By default nobody minds five MB.
    assert!(status["bytes"].as_u64().unwrap() > 4 << 20 && status["oldest"] == 1, "{status}");

    write(folder.path(), &(head("key") + "[journal]\nkeep_mib = 1\n\n" + &hook("a", "1")));
    served.signal("HUP").await;
    served.wait_for_log("bytes of old events were let go", 1).await;
    // From now on it stays so.
    for number in 12..24 {
        assert_eq!(send_batch(&served.client, number).await.status, 200);
    }
    receiver.wait_for(24 * BATCH).await;
    let is_small =
        |status: &Value| status["bytes"].as_u64().unwrap() <= 1 << 20 && status["tags"][0]["lag_events"] == 0;
    let status = wait_for_status(folder.path(), "let go", is_small).await;
    assert_eq!((&status["newest"], &status["keep_bytes"]), (&json!(24 * BATCH), &json!(1 << 20)));
    // The newest ones are what is kept.
    assert!(status["oldest"].as_u64().unwrap() <= 24 * BATCH as u64, "{status}");
    served.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_at_its_limit_refuses_events_and_recovers_when_the_vendor_does() {
    let is_down = Arc::new(AtomicBool::new(true));
    let down = is_down.clone();
    let receiver =
        Receiver::answering(move |_, received| match received.host == "down.example" && down.load(Ordering::SeqCst) {
            true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            false => StatusCode::OK.into_response(),
        })
        .await;
    let container = head("key") + "[journal]\nmax_mib = 2\n\n" + &hook("down", "1") + &hook("well", "1");
    let folder = folder(&container);
    let served = start(folder.path(), &receiver).await;
    let mut accepted = 0;
    let refused = loop {
        let answer = send_batch(&served.client, accepted).await;
        match answer.status {
            StatusCode::OK => accepted += 1,
            _ => break answer,
        }
        assert!(accepted < 10, "2 MiB hold less than that");
    };
    assert_eq!(
        (refused.status, refused.json()["code"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("journal_full"))
    );
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 0);
    assert_eq!(served.client.get("/readyz").await.status, 503);
    assert!(accepted >= 3, "{accepted}");
    // Delivery goes on meanwhile, and nothing that is needed was dropped.
    let well = |requests: Vec<tagyard_tests::receiver::Received>| {
        requests.iter().filter(|request| request.host == "well.example").count()
    };
    let status =
        wait_for_status(folder.path(), "the other tag is done", |status| status["tags"][1]["lag_events"] == 0).await;
    assert_eq!(well(receiver.received()), accepted * BATCH);
    assert!(status["fault"].as_str().unwrap().contains("journal.max_mib"), "{status}");
    assert_eq!((&status["oldest"], &status["max_bytes"]), (&json!(1), &json!(2 << 20)));
    served.wait_for_log("the journal is at its limit", 1).await;

    is_down.store(false, Ordering::SeqCst);
    served.wait_for_log("the journal has room again", 1).await;
    assert_eq!(served.client.get("/readyz").await.status, 200);
    // The same batch, which was not taken, is no duplicate.
    assert_eq!(send_batch(&served.client, accepted).await.status, 200);
    let is_idle = |status: &Value| status["tags"].as_array().unwrap().iter().all(|tag| tag["lag_events"] == 0);
    wait_for_status(folder.path(), "all is delivered", is_idle).await;
    let all: Vec<String> =
        receiver.accepted().iter().map(|request| format!("{} {}", request.host, request.json()["messageId"])).collect();
    let distinct: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), distinct.len()), (2 * (accepted + 1) * BATCH, 2 * (accepted + 1) * BATCH));
    served.terminate().await;
}
