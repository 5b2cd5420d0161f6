//! `tagyard events show`.

use std::path::Path;

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

use crate::{TAGS, ask, order, page, printed, send, vendors, with_four_events};

async fn shown(data: &Path, event: &str) -> Value {
    serde_json::from_str(&printed(data, &["events", "show", event, "--json"]).await).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_shown_with_all_that_became_of_it() {
    let receiver = vendors().await;
    let host = with_four_events(&receiver).await;
    let folder = host.data_dir().to_owned();

    let whole = shown(&folder, "m-2").await;
    assert_eq!((&whole["position"], &whole["source"], &whole["not_ended"]), (&json!(2), &json!("segment"), &json!([])));
    assert_eq!(whole["event"]["properties"], json!({"total": 20.0}));
    let mut outcomes: Vec<(&str, &str)> = whole["outcomes"]
        .as_array()
        .expect("outcomes")
        .iter()
        .map(|outcome| (outcome["tag"].as_str().unwrap(), outcome["outcome"].as_str().unwrap()))
        .collect();
    outcomes.sort_unstable();
    let expected = [
        ("blocked", "blocked_by_consent"),
        ("each", "delivered"),
        ("refused", "dead_letter"),
        ("together", "delivered"),
    ];
    assert_eq!(outcomes, expected);
    let mut sent: Vec<(&str, &Value)> = whole["sent"]
        .as_array()
        .expect("requests")
        .iter()
        .map(|sent| (sent["tag"].as_str().unwrap(), &sent["status"]))
        .collect();
    sent.sort_by_key(|(tag, _)| *tag);
    assert_eq!(sent, [("each", &json!(200)), ("refused", &json!(400)), ("together", &json!(200))]);

    let text = printed(&folder, &["events", "show", "2"]).await;
    for said in [
        "event 2: track \"Order Completed\" m-2\n",
        "each: delivered, ",
        "refused: dead letter (undeliverable): the vendor answered 400 Bad Request, ",
        "given up: the vendor answered 400 Bad Request",
        "blocked: blocked by consent: ",
        "    \"total\": 20.0\n",
        "x-site: shop\n",
    ] {
        assert!(text.contains(said), "{said:?} is not in\n{text}");
    }
    assert!(!text.contains("value-of-"), "{text}");
    assert_eq!(printed(&folder, &["events", "show", "m-2"]).await, text);

    let data = host.stop().await;
    assert_eq!(printed(data.path(), &["events", "show", "2"]).await, text, "the same from the directory alone");
    assert_eq!(shown(data.path(), "m-2").await, whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_are_a_position_before_they_are_a_message_id() {
    let receiver = vendors().await;
    let mut host = TestHost::start(TAGS, Path::new(""), &receiver).await;
    send(&host, &[page("a"), page("1"), page("77")]).await;
    host.outcomes(12).await;
    let data = host.data_dir();
    assert_eq!(shown(data, "1").await["event"]["messageId"], "a");
    assert_eq!(shown(data, "77").await["position"], 3);
    let by_id = printed(data, &["events", "show", "1", "--message-id", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&by_id).expect("JSON")["position"], 2);

    let ended = ask(data, &["events", "show", "nobody's"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with("error: there is no event nobody's; "), "{}", ended.stderr);
    host.stop().await;
    let nowhere = ask(Path::new("/nonexistent"), &["events", "show", "1"]).await;
    assert_eq!(nowhere.code, Some(1));
    assert!(nowhere.stderr.starts_with("error: /nonexistent is no data directory"), "{}", nowhere.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_is_not_done_with_an_event_is_named() {
    let receiver = Receiver::answering(|_, received| match received.host.as_str() {
        "each.example" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => StatusCode::OK.into_response(),
    })
    .await;
    let mut host = TestHost::start(TAGS, Path::new(""), &receiver).await;
    send(&host, &[order("m-1", 1.0)]).await;
    host.outcomes(3).await;
    let whole = shown(host.data_dir(), "m-1").await;
    assert_eq!(whole["not_ended"], json!(["each"]));
    assert!(printed(host.data_dir(), &["events", "show", "m-1"]).await.contains("\neach: no outcome"));
    let data = host.stop().await;
    assert_eq!(shown(data.path(), "m-1").await, whole);
}
