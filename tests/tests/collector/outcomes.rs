//! Every event ends, for every tag, in one outcome.

use std::path::Path;

use serde_json::json;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

const TAGS: &str = r#"
[[tag]]
name = "all"
use = "webhook"
settings = { url = "https://all.example/" }
allow = { hosts = ["all.example"], fields = ["*"] }

[[tag]]
name = "consented"
use = "webhook"
consent = ["analytics", "ads"]
settings = { url = "https://consented.example/" }
allow = { hosts = ["consented.example"], fields = ["*"] }

[[tag]]
name = "triggered"
use = "webhook"
on = ["Order Completed"]
when = "event.properties.revenue > 10.0"
settings = { url = "https://triggered.example/" }
allow = { hosts = ["triggered.example"], fields = ["*"] }
"#;

#[tokio::test]
async fn consent_and_trigger_decide_what_each_vendor_gets() {
    let receiver = Receiver::start().await;
    let mut host = TestHost::start(TAGS, Path::new("."), &receiver).await;
    let preferences =
        |analytics: bool, ads: bool| json!({"consent": {"categoryPreferences": {"analytics": analytics, "ads": ads}}});
    let cases = [
        (
            json!({"type": "page", "anonymousId": "a", "context": preferences(true, true)}),
            ["delivered", "delivered", "not_triggered"],
        ),
        (
            json!({"type": "page", "anonymousId": "a", "context": preferences(true, false)}),
            ["delivered", "blocked_by_consent", "not_triggered"],
        ),
        (json!({"type": "page", "anonymousId": "a"}), ["delivered", "blocked_by_consent", "not_triggered"]),
        (
            json!({"type": "track", "event": "Order Completed", "userId": "u", "properties": {"revenue": 11}}),
            ["delivered", "blocked_by_consent", "delivered"],
        ),
        (
            json!({"type": "track", "event": "Order Completed", "userId": "u", "properties": {"revenue": 9}}),
            ["delivered", "blocked_by_consent", "not_triggered"],
        ),
    ];
    let mut expected_requests = 0;
    for (position, (event, expected)) in (1..).zip(cases) {
        host.client.event(event.clone()).await;
        let ended = host.outcomes(3).await;
        for (recorded, (tag, outcome)) in ended.iter().zip(["all", "consented", "triggered"].into_iter().zip(expected))
        {
            assert_eq!(
                (recorded.position, recorded.tag.as_str(), recorded.outcome.name()),
                (position, tag, outcome),
                "{event}"
            );
        }
        let blocked = ended[1].outcome.reason().unwrap_or_default();
        assert_eq!(blocked.contains("ads"), expected[1] == "blocked_by_consent", "{blocked}");
        expected_requests += expected.iter().filter(|outcome| **outcome == "delivered").count();
    }
    assert_eq!(receiver.received().len(), expected_requests);
    assert!(host.dead_letters().await.is_empty());
}
