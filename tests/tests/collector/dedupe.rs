//! An event that is sent twice is one event.

use std::path::Path;

use http::StatusCode;
use serde_json::{Value, json};
use tagyard_tests::host::TestHost;

use crate::{WEBHOOK, webhook};

fn page(id: Option<&str>) -> Value {
    let mut event = json!({"type": "page", "anonymousId": "a"});
    if let Some(id) = id {
        event["messageId"] = id.into();
    }
    event
}

#[tokio::test]
async fn an_id_that_came_before_is_taken_and_not_delivered_again() {
    let (mut host, receiver) = webhook().await;
    host.client.event(page(Some("one"))).await;
    host.client.event(page(Some("one"))).await;
    let batch = json!({"writeKey": "key", "batch": [page(Some("two")), page(Some("one")), page(Some("two"))]});
    assert_eq!(host.client.post("/v1/batch", &batch).await.status, StatusCode::OK);
    host.client.event(page(Some("three"))).await;

    let ended = host.outcomes(3).await;
    let ended: Vec<_> = ended.iter().map(|recorded| (recorded.position, recorded.message_id.as_str())).collect();
    // The positions follow on one another: nothing lies between them.
    assert_eq!(ended, [(1, "one"), (2, "two"), (3, "three")]);
    assert_eq!(receiver.received().len(), 3);
}

#[tokio::test]
async fn an_id_is_known_after_a_restart() {
    let (mut host, receiver) = webhook().await;
    host.client.event(page(Some("one"))).await;
    host.outcomes(1).await;
    let data = host.stop().await;

    let mut host = TestHost::start_in(data, WEBHOOK, Path::new("."), &receiver).await;
    host.client.event(page(Some("one"))).await;
    host.client.event(page(Some("two"))).await;
    let ended = host.outcomes(1).await;
    assert_eq!((ended[0].position, ended[0].message_id.as_str()), (2, "two"));
    let ids: Vec<Value> = receiver.received().iter().map(|request| request.json()["messageId"].clone()).collect();
    assert_eq!(ids, ["one", "two"]);
}

#[tokio::test]
async fn an_event_without_an_id_gets_one_of_its_own() {
    let (host, receiver) = webhook().await;
    host.client.event(page(None)).await;
    host.client.event(page(None)).await;
    let batch = json!({"writeKey": "key", "batch": [page(None), page(None)]});
    assert_eq!(host.client.post("/v1/batch", &batch).await.status, StatusCode::OK);
    let mut ids: Vec<String> = receiver
        .wait_for(4)
        .await
        .iter()
        .map(|request| request.json()["messageId"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert!(ids.iter().all(|id| id.len() == 36), "{ids:?}");
}
