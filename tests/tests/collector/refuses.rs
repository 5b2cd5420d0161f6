//! What is refused, and what the client is told.

use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tagyard_tests::client::Answer;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

use crate::{WEBHOOK, basic, webhook};

/// A refusal is `{code, message}`; the message has `about` in it.
fn check(answer: &Answer, status: u16, code: &str, about: &str) {
    let said = answer.json();
    assert_eq!((answer.status.as_u16(), said["code"].as_str()), (status, Some(code)), "{said}");
    assert_eq!(said.as_object().unwrap().len(), 2, "{said}");
    assert!(said["message"].as_str().unwrap().contains(about), "{said}");
}

#[tokio::test]
async fn refusals_say_what_is_wrong_and_where() {
    let (host, receiver) = webhook().await;
    let key = basic("key");
    let authorization = ("authorization", key.as_str());
    let post = async |path: &str, headers: &[(&str, &str)], body: &str| {
        host.client.send("POST", path, headers, body.to_owned()).await
    };
    let long = json!({"anonymousId": "a", "name": "x".repeat(32 * 1024)}).to_string();
    let many = json!({"batch": vec![json!({"type": "page", "anonymousId": "a"}); 2_501]}).to_string();

    let refused = post("/v1/page", &[authorization], "{\"anonymousId\": \"a\",}").await;
    check(&refused, 400, "invalid_json", "line 1 column 21");
    check(&post("/v1/page", &[authorization], "[]").await, 400, "invalid_json", "not a JSON object");
    check(&post("/v1/page", &[authorization], "").await, 400, "invalid_json", "not a JSON object");
    check(&post("/v1/track", &[authorization], "{\"userId\": \"u\"}").await, 400, "invalid_event", "event");
    check(&post("/v1/page", &[authorization], "{}").await, 400, "invalid_event", "userId");
    check(&post("/v1/batch", &[authorization], "{}").await, 400, "missing_batch", "batch");
    check(&post("/v1/batch", &[authorization], "{\"batch\": 7}").await, 400, "invalid_batch", "array");
    check(&post("/v1/page", &[authorization, ("content-encoding", "gzip")], "{}").await, 400, "invalid_gzip", "gzip");

    check(&post("/v1/page", &[], "{\"anonymousId\": \"a\"}").await, 401, "unknown_write_key", "no write key");
    check(&post("/v1/batch", &[], "{\"batch\": []}").await, 401, "unknown_write_key", "no write key");
    let other = basic("other-key");
    let refused = post("/v1/page", &[("authorization", &other)], "{\"anonymousId\": \"a\"}").await;
    check(&refused, 401, "unknown_write_key", "write_keys");
    let refused = post("/v1/page", &[], "{\"anonymousId\": \"a\", \"writeKey\": \"other-key\"}").await;
    check(&refused, 401, "unknown_write_key", "write_keys");
    assert!(!refused.text().contains("other-key"), "{}", refused.text());
    check(&host.client.get("/v1/projects/other-key/settings").await, 401, "unknown_write_key", "write_keys");

    check(&post("/v1/nothing", &[authorization], "{}").await, 404, "unclaimed", "/v1/nothing");
    check(&host.client.get("/v1/track").await, 404, "unclaimed", "GET /v1/track");
    check(&host.client.get("/").await, 404, "unclaimed", "/v1/track");

    check(&post("/v1/page", &[authorization], &long).await, 413, "event_too_large", "32768");
    check(&post("/v1/batch", &[authorization], &many).await, 413, "too_many_events", "2501");
    check(&post("/v1/batch", &[authorization], &" ".repeat(512_001)).await, 413, "too_large", "512000");

    check(
        &post("/v1/page", &[authorization, ("content-encoding", "br")], "{}").await,
        415,
        "unsupported_encoding",
        "gzip",
    );
    let klingon = ("content-type", "application/json; charset=klingon");
    check(&post("/v1/page", &[authorization, klingon], "{}").await, 415, "unsupported_charset", "UTF-8");

    assert!(receiver.received().is_empty());
    assert!(host.dead_letters().await.is_empty());
}

#[tokio::test]
async fn more_events_than_the_rate_are_told_when_to_come_again() {
    let receiver = Receiver::start().await;
    let host = TestHost::start(&format!("events_per_second = 2\n{WEBHOOK}"), Path::new("."), &receiver).await;
    let send = async |count: usize| {
        let batch = vec![json!({"type": "page", "anonymousId": "a"}); count];
        host.client.post("/v1/batch", &json!({"writeKey": "key", "batch": batch})).await
    };
    assert_eq!(send(2).await.status, StatusCode::OK);
    let refused = send(2).await;
    check(&refused, 429, "rate_limited", "events_per_second");
    let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(send(2).await.status, StatusCode::OK);
    // However long it waited, there would never be room for it.
    let refused = send(3).await;
    check(&refused, 413, "too_many_events", "2 events a second");
    assert!(!refused.headers.contains_key("retry-after"));
    assert_eq!(receiver.wait_for(4).await.len(), 4);
}

#[tokio::test]
async fn a_bad_event_of_a_batch_is_a_dead_letter_and_its_neighbours_are_delivered() {
    let (mut host, receiver) = webhook().await;
    let batch = json!({"writeKey": "key", "batch": [
        {"type": "page", "anonymousId": "a", "messageId": "before"},
        {"type": "track", "userId": "u", "messageId": "no name"},
        7,
        {"type": "page", "anonymousId": "a", "messageId": "long", "name": "x".repeat(33 * 1024)},
        {"type": "page", "anonymousId": "a", "messageId": "after"},
    ]});
    let answer = host.client.post("/v1/batch", &batch).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"success": true})));
    host.outcomes(2).await;
    let mut ids: Vec<_> = receiver.received().iter().map(|request| request.json()["messageId"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    assert_eq!(ids, ["after", "before"]);

    let letters = host.dead_letters().await;
    let expected = [
        (1, "`event`", json!({"type": "track", "userId": "u", "messageId": "no name"})),
        (2, "not an object", json!(7)),
        // What is too long to be kept is known by its id.
        (3, "32768", json!({"messageId": "long", "type": "page"})),
    ];
    assert_eq!(letters.len(), expected.len(), "{letters:#?}");
    for (letter, (position, about, event)) in letters.iter().zip(expected) {
        assert_eq!((letter.cause.name(), letter.tag.as_deref(), &letter.event), ("invalid", None, &event));
        assert!(letter.reason.starts_with(&format!("event {position} of the request: ")), "{}", letter.reason);
        assert!(letter.reason.contains(about), "{}", letter.reason);
    }
}
