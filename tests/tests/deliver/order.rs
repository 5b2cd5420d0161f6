//! Who waits for whom, and whom a vendor's refusal concerns.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};
use tagyard_pipeline::outcome::Outcome;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

use crate::{WEBHOOK, event};

#[tokio::test]
async fn a_users_events_wait_for_the_one_that_is_tried_again_and_others_do_not() {
    let accepted: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = accepted.clone();
    let receiver = Receiver::answering(move |_, received| {
        let id = received.json()["messageId"].as_str().expect("an id").to_owned();
        let mut seen = seen.lock().unwrap();
        // Jane's first event is not taken before John's has passed it.
        if id == "jane-1" && !seen.contains(&"john-1".to_owned()) {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        seen.push(id);
        StatusCode::OK.into_response()
    })
    .await;
    let mut host = TestHost::start(WEBHOOK, Path::new(""), &receiver).await;
    for (id, user) in [("jane-1", "jane"), ("jane-2", "jane"), ("jane-3", "jane")] {
        host.client.event(event(id, user)).await;
    }
    receiver.wait_for(1).await;
    host.client.event(event("john-1", "john")).await;
    let outcomes = host.outcomes(4).await;
    assert!(outcomes.iter().all(|recorded| recorded.outcome == Outcome::Delivered), "{outcomes:#?}");
    assert_eq!(*accepted.lock().unwrap(), ["john-1", "jane-1", "jane-2", "jane-3"]);
    host.stop().await;
}

#[tokio::test]
async fn of_one_call_a_users_request_that_is_tried_again_holds_back_nobody_else() {
    let accepted: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = accepted.clone();
    let receiver = Receiver::answering(move |_, received| {
        let id = received.json()["messageId"].as_str().expect("an id").to_owned();
        let mut seen = seen.lock().unwrap();
        // Jane's is not taken before John has gone on.
        if id == "jane-1" && !seen.contains(&"john-2".to_owned()) {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        seen.push(id);
        StatusCode::OK.into_response()
    })
    .await;
    let mut host = TestHost::start(WEBHOOK, Path::new(""), &receiver).await;
    let both = json!({"writeKey": "key", "batch": [event("jane-1", "jane"), event("john-1", "john")]});
    assert_eq!(host.client.post("/v1/batch", &both).await.status, StatusCode::OK);
    // What has ended is recorded at once: a crash would not have it sent again.
    assert_eq!(host.outcomes(1).await[0].message_id, "john-1");
    host.client.event(event("john-2", "john")).await;
    assert!(host.outcomes(2).await.iter().all(|recorded| recorded.outcome == Outcome::Delivered));
    assert_eq!(*accepted.lock().unwrap(), ["john-1", "john-2", "jane-1"]);
    host.stop().await;
}

#[tokio::test]
async fn a_stop_lets_no_later_event_of_a_user_pass_one_that_it_leaves() {
    const TAGS: usize = 8;
    let waiting: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
    let (seen, (all_wait, mut are_waiting)) = (waiting.clone(), tokio::sync::watch::channel(0));
    let receiver = Receiver::answering(move |_, received| {
        let body = received.json();
        let batch = body["batch"].as_array().expect("a list");
        let [event] = batch.as_slice() else { return StatusCode::BAD_REQUEST.into_response() };
        let id = event["messageId"].as_str().expect("an id").to_owned();
        let mut seen = seen.lock().unwrap();
        seen.insert(received.host.clone(), id);
        all_wait.send_replace(seen.len());
        // The first half of the batch never arrives; the second half stands behind it.
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    })
    .await;
    // Each with a host of its own, so that none waits for another's breaker.
    let tag = |number| {
        let tag = WEBHOOK.replace("\"hook\"", &format!("\"hook-{number}\"")).replace("vendor.", &format!("v{number}."));
        tag.replace("[[tag]]", "[[tag]]\nsettings.body = \"batch\"")
    };
    let host = TestHost::start(&(0..TAGS).map(tag).collect::<String>(), Path::new(""), &receiver).await;
    let both = json!({"writeKey": "key", "batch": [event("jane-1", "jane"), event("jane-2", "jane")]});
    assert_eq!(host.client.post("/v1/batch", &both).await.status, StatusCode::OK);
    are_waiting.wait_for(|waiting| *waiting == TAGS).await.expect("they wait");
    host.stop().await;
    let last = waiting.lock().unwrap().clone();
    assert!(last.values().all(|id| id == "jane-1"), "{last:?}");
}

#[tokio::test]
async fn a_batch_with_one_event_that_the_vendor_refuses_loses_that_one() {
    let accepted: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
    let seen = accepted.clone();
    let receiver = Receiver::answering(move |_, received| {
        let Value::Array(events) = received.json() else { panic!("{received:?}") };
        if events.iter().any(|event| event["properties"]["coupon"] == "poison") {
            return (StatusCode::BAD_REQUEST, "there is something in it").into_response();
        }
        for event in &events {
            let id = event["properties"]["$insert_id"].as_str().expect("an id").to_owned();
            *seen.lock().unwrap().entry(id).or_default() += 1;
        }
        StatusCode::OK.into_response()
    })
    .await;
    let tags = "[[tag]]\nname = \"mixpanel\"\nuse = \"mixpanel\"\nsecrets.project_token = { env = \"PROJECT\" }\n";
    let mut host = TestHost::start(tags, Path::new(""), &receiver).await;
    let ids: Vec<String> = (0..20).map(|number| format!("order-{number:02}")).collect();
    let events: Vec<Value> = ids
        .iter()
        .map(|id| {
            let mut event = event(id, &format!("user-{id}"));
            event["properties"] = json!({"coupon": if id == "order-13" { "poison" } else { "SPRING" }});
            event
        })
        .collect();
    let answer = host.client.post("/v1/batch", &json!({"writeKey": "key", "batch": events})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());

    let outcomes = host.outcomes(ids.len()).await;
    let delivered: Vec<&str> = outcomes
        .iter()
        .filter(|recorded| recorded.outcome == Outcome::Delivered)
        .map(|recorded| recorded.message_id.as_str())
        .collect();
    let expected: Vec<&str> = ids.iter().map(String::as_str).filter(|id| *id != "order-13").collect();
    assert_eq!(delivered, expected);
    let accepted = accepted.lock().unwrap().clone();
    assert_eq!(accepted, expected.iter().map(|id| ((*id).to_owned(), 1)).collect());
    let [letter] = host.dead_letters().await.try_into().expect("one letter");
    let request = letter.request.expect("a request");
    assert_eq!(letter.event["messageId"], "order-13");
    assert_eq!(letter.answer.expect("an answer").body, "there is something in it");
    assert!(!request.body.contains("SPRING") && request.body.contains("poison"), "{}", request.body);
    let requests = receiver.received();
    let bodies: Vec<usize> = requests.iter().map(|received| received.json().as_array().map_or(0, Vec::len)).collect();
    assert!(bodies[0] > 1, "it was no batch: {bodies:?}");
    host.stop().await;
}
