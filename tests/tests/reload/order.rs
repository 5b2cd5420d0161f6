//! A tag whose vendor does not care for order.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::json;
use tagyard_pipeline::outcome::Outcome;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

#[tokio::test]
async fn without_order_a_users_events_do_not_wait_for_the_one_that_is_tried_again() {
    let accepted: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = accepted.clone();
    let receiver = Receiver::answering(move |_, received| {
        let id = received.json()["messageId"].as_str().expect("an id").to_owned();
        let mut seen = seen.lock().unwrap();
        // Jane's first event is not taken before her others are: of the same batch, and of a later one.
        if id == "jane-1" && seen.len() < 2 {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        seen.push(id);
        StatusCode::OK.into_response()
    })
    .await;
    let tag = "[[tag]]\nname = \"hook\"\nuse = \"webhook\"\nsettings.url = \"https://vendor.example/in\"\nordered = false\n\
               allow = { hosts = [\"vendor.example\"], fields = [\"*\"] }\n";
    let mut host = TestHost::start(tag, Path::new(""), &receiver).await;
    let event = |id: &str| json!({"type": "page", "messageId": id, "userId": "jane"});
    let batch = json!({"writeKey": "key", "batch": [event("jane-1"), event("jane-2")]});
    assert_eq!(host.client.post("/v1/batch", &batch).await.status, 200);
    receiver.wait_for(2).await;
    host.client.event(event("jane-3")).await;
    let outcomes = host.outcomes(3).await;
    assert!(outcomes.iter().all(|recorded| recorded.outcome == Outcome::Delivered), "{outcomes:#?}");
    assert_eq!(*accepted.lock().unwrap(), ["jane-2", "jane-3", "jane-1"]);
    host.stop().await;
}
