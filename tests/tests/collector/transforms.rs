//! What vendors get of an event is what the transformations left of it.

use std::path::Path;

use serde_json::{Value, json};
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

const TAGS: &str = r#"
[[transform]]
truncate_ip = ["context.ip"]

[[transform]]
tags = ["first"]
hash = { fields = ["userId"] }

[[transform]]
tags = ["second"]
when = "event.properties.internal"
filter = true

[[tag]]
name = "first"
use = "webhook"
settings = { url = "https://first.example/" }
allow = { hosts = ["first.example"], fields = ["type", "userId", "context.ip"] }

[[tag]]
name = "second"
use = "webhook"
settings = { url = "https://second.example/" }
allow = { hosts = ["second.example"], fields = ["type", "userId", "context.ip", "properties.*"] }

  [[tag.transform]]
  redact_pii = ["*"]
"#;

#[tokio::test]
async fn each_vendor_gets_the_event_as_its_transformations_leave_it() {
    let receiver = Receiver::start().await;
    let mut host = TestHost::start(TAGS, Path::new("."), &receiver).await;
    let digest = "9370e9b203743d7923180e50f8f4d55479deb6870b20253bcc50d02a5bfb86e3";
    let event = |internal: bool| {
        json!({
            "type": "page", "userId": "u-17", "context": {"ip": "203.0.113.7"},
            "properties": {"internal": internal, "url": "https://shop.example/?q=jane%40shop.example"},
        })
    };

    host.client.event(event(false)).await;
    let ended = host.outcomes(2).await;
    assert!(ended.iter().all(|recorded| recorded.outcome.name() == "delivered"), "{ended:#?}");
    let got = |vendor: &str| -> Vec<Value> {
        let received = receiver.received();
        received.iter().filter(|request| request.host == vendor).map(|request| request.json()).collect()
    };
    assert_eq!(got("first.example"), [json!({"type": "page", "userId": digest, "context": {"ip": "203.0.113.0"}})]);
    let second = json!({
        "type": "page", "userId": "u-17", "context": {"ip": "203.0.113.0"},
        "properties": {"internal": false, "url": "https://shop.example/?q=(email)"},
    });
    assert_eq!(got("second.example"), [second]);

    // A filtered event ends as one that was skipped, for the tags that it was filtered for.
    host.client.event(event(true)).await;
    let ended = host.outcomes(2).await;
    let ended: Vec<_> =
        ended.iter().map(|ended| (ended.tag.as_str(), ended.outcome.name(), ended.outcome.reason())).collect();
    let reason = "it is filtered where `event.properties.internal`";
    assert_eq!(ended, [("first", "delivered", None), ("second", "skipped", Some(reason))]);
    assert_eq!((got("first.example").len(), got("second.example").len()), (2, 1));
    assert!(host.dead_letters().await.is_empty());
}
