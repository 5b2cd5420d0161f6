//! What an operator sees of a tag whose vendor is down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::json;
use tagyard_tests::command::Served;
use tagyard_tests::receiver::Receiver;

use crate::{folder, head, hook, page, status, wait_for_status};

#[tokio::test(flavor = "multi_thread")]
async fn lag_retries_and_breakers_are_told() {
    let is_down = Arc::new(AtomicBool::new(true));
    let down = is_down.clone();
    let receiver =
        Receiver::answering(move |_, received| match received.host == "down.example" && down.load(Ordering::SeqCst) {
            true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            false => StatusCode::OK.into_response(),
        })
        .await;
    let folder = folder(&(head("key") + &hook("down", "1") + &hook("well", "1")));
    let served = Served::start(folder.path(), &[], &["shop.toml", "--divert", &receiver.url()]).await;
    for number in 0..8 {
        served.client.event(page("key", &format!("m-{number}"), &format!("u-{number}"))).await;
    }
    let is_open = |status: &serde_json::Value| {
        let [down, well] = status["tags"].as_array().unwrap().as_slice() else { panic!("{status}") };
        down["vendors"][0]["breaker"] == "open" && down["retrying"] == 8 && well["delivered"] == 8
    };
    let shown = wait_for_status(folder.path(), "the breaker opens", is_open).await;
    let [down, well] = shown["tags"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!((&down["lag_events"], &down["delivered"], &well["lag_events"]), (&json!(8), &json!(0), &json!(0)));
    assert_eq!(
        (&down["vendors"][0]["host"], &well["vendors"][0]["breaker"]),
        (&json!("down.example"), &json!("closed"))
    );
    assert!(down["vendors"][0]["next_probe_seconds"].as_u64().unwrap() <= 60);

    let table = status(folder.path(), &[]).await.stdout;
    for part in ["8 events, ", "down.example: open", "container shop, loaded ", "events 1 to 8"] {
        assert!(table.contains(part), "{part} is missing:\n{table}");
    }
    // Gauges are set every few seconds.
    loop {
        let metrics = served.client.get("/metrics").await.text();
        if metrics.contains("tagyard_tag_lag_events{tag=\"down\"} 8") {
            assert!(metrics.contains("tagyard_tag_lag_events{tag=\"well\"} 0"), "{metrics}");
            assert!(metrics.contains("tagyard_tag_open_breakers{tag=\"well\"} 0"), "{metrics}");
            assert!(metrics.contains("tagyard_reload_failed 0"), "{metrics}");
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    is_down.store(false, Ordering::SeqCst);
    let is_well = |status: &serde_json::Value| {
        let down = &status["tags"][0];
        down["lag_events"] == 0 && down["retrying"] == 0 && down["vendors"][0]["breaker"] == "closed"
    };
    wait_for_status(folder.path(), "it recovers", is_well).await;
    served.terminate().await;
}
