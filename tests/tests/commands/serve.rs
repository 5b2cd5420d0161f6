//! `tagyard serve`: starting, stopping, and being stopped without a word.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};
use tagyard_tests::command::{Ended, Served, run};
use tagyard_tests::receiver::Receiver;

use crate::{HOOK, folder};

const FILES: [(&str, &str); 1] = [("shop.toml", HOOK)];

fn page(id: &str) -> Value {
    json!({"type": "page", "anonymousId": "a", "messageId": id})
}

/// The ids of the events that the vendor took.
fn ids(events: &[Value]) -> Vec<String> {
    let mut ids: Vec<String> = events.iter().map(|event| event["messageId"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids.dedup();
    ids
}

#[tokio::test]
async fn a_term_signal_lets_what_is_in_flight_arrive() {
    // Slow enough that all is still under way when the signal comes.
    let receiver = Receiver::start_slow(Duration::from_millis(500)).await;
    let folder = folder(&FILES);
    let options = ["shop.toml", "--divert", &receiver.url()];
    let served = Served::start(folder.path(), &[], &options).await;
    for number in 0..20 {
        // Each of another visitor: one visitor's events wait for each other.
        served
            .client
            .event(json!({"type": "page", "anonymousId": format!("a-{number}"), "messageId": format!("m-{number}")}))
            .await;
    }
    receiver.wait_for(20).await;
    let (status, log) = served.terminate().await;
    assert_eq!(status.code(), Some(0), "{log}");
    // A log for machines, and no event's values in it.
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
    assert!(!log.contains("m-1"), "{log}");

    // What arrived is recorded, so it is not sent again.
    let served = Served::start(folder.path(), &[], &options).await;
    served.client.event(page("after")).await;
    receiver.wait_for(21).await;
    served.terminate().await;
    assert_eq!(receiver.received().len(), 21);
}

#[tokio::test]
async fn what_a_term_signal_left_is_delivered_by_the_next_start_and_once() {
    let receiver = Receiver::start_slow(Duration::from_millis(50)).await;
    let folder = folder(&FILES);
    let options = ["shop.toml", "--divert", &receiver.url()];
    let expected: Vec<String> = (0..30).map(|number| format!("m-{number:02}")).collect();
    for part in expected.chunks(10) {
        let served = Served::start(folder.path(), &[], &options).await;
        for id in part {
            served.client.event(page(id)).await;
        }
        let (status, log) = served.terminate().await;
        assert_eq!(status.code(), Some(0), "{log}");
    }
    let served = Served::start(folder.path(), &[], &options).await;
    let events: Vec<Value> = receiver.wait_for(expected.len()).await.iter().map(|request| request.json()).collect();
    served.terminate().await;
    // One visitor's events, so they come in their order, over all the stops.
    let in_order: Vec<&str> = events.iter().map(|event| event["messageId"].as_str().unwrap()).collect();
    assert_eq!(in_order, expected);
    assert_eq!(receiver.received().len(), expected.len());
}

#[tokio::test]
async fn a_kill_while_a_vendor_is_down_loses_no_acknowledged_event() {
    let is_down = Arc::new(AtomicBool::new(true));
    let answers = is_down.clone();
    let receiver = Receiver::answering(move |_, _| match answers.load(Ordering::SeqCst) {
        true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        false => StatusCode::OK.into_response(),
    })
    .await;
    let folder = folder(&FILES);
    let options = ["shop.toml", "--divert", &receiver.url()];
    let mut acknowledged = Vec::new();
    // Twice, since the second start has to take up what the first one left.
    for round in 0..2 {
        let served = Served::start(folder.path(), &[], &options).await;
        for number in 0..100 {
            let id = format!("m-{round}-{number:02}");
            served.client.event(page(&id)).await;
            acknowledged.push(id);
        }
        receiver.wait_for(receiver.received().len() + 1).await;
        served.kill().await;
    }
    let before = receiver.received().len();
    is_down.store(false, Ordering::SeqCst);

    let served = Served::start(folder.path(), &[], &options).await;
    for _ in 0..1_500 {
        let delivered: Vec<Value> = receiver.received()[before..].iter().map(|request| request.json()).collect();
        if ids(&delivered) == acknowledged {
            served.terminate().await;
            // None of them was delivered yet, so none comes twice.
            assert_eq!(delivered.len(), acknowledged.len());
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not everything was delivered:\n{}", served.log());
}

/// Starts a second one, which has to end by itself.
async fn second(folder: &Path, options: &[&str]) -> Ended {
    let options: Vec<&str> = ["serve", "shop.toml"].iter().chain(options).copied().collect();
    run(folder, &[], &options, "").await
}

#[tokio::test]
async fn what_is_in_use_is_said_to_be() {
    let receiver = Receiver::start().await;
    let folder = folder(&FILES);
    let served =
        Served::start(folder.path(), &[], &["shop.toml", "--data-dir", "data", "--divert", &receiver.url()]).await;
    let address = served.address.to_string();

    let ended = second(folder.path(), &["--data-dir", "data", "--listen", "127.0.0.1:0"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("data directory") && ended.stderr.contains("another"), "{}", ended.stderr);

    let ended = second(folder.path(), &["--data-dir", "other", "--listen", &address]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains(&format!("cannot listen on {address}: ")), "{}", ended.stderr);

    served.client.event(page("still")).await;
    assert_eq!(receiver.wait_for(1).await[0].json()["messageId"], "still");
    let (status, log) = served.terminate().await;
    assert!(status.success(), "{log}");
}

#[tokio::test]
async fn a_container_with_mistakes_is_not_served() {
    let folder = folder(&[("shop.toml", "name = \"shop\"\n[collect]\nwrite_key = [\"key\"]\n")]);
    let ended = second(folder.path(), &[]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("write_keys"), "{}", ended.stderr);
    assert!(!folder.path().join("tagyard-data").exists());
}

#[tokio::test]
async fn any_origin_may_send_where_the_container_says_so() {
    let receiver = Receiver::start().await;
    let folder = folder(&FILES);
    let served = Served::start(folder.path(), &[], &["shop.toml", "--divert", &receiver.url()]).await;
    let answer =
        served.client.send("POST", "/v1/page", &[("origin", "https://any.example")], page("m").to_string()).await;
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    served.terminate().await;
}
