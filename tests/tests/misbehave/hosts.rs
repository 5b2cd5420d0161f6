//! A tag that misbehaves in a running host: its own events are dead letters with the reason, its neighbour delivers all.

use std::collections::BTreeSet;

use http::StatusCode;
use tagyard_pipeline::outcome::Cause;
use tagyard_tests::guests;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

use crate::cases::{self, Case, Expected};
use crate::{data, event};

const NEIGHBOUR: &str = r#"
[[tag]]
name = "neighbour"
use = "webhook"
settings.url = "https://neighbour.example/in"
allow = { hosts = ["neighbour.example"], fields = ["*"] }
limits = { deadline_ms = 5_000 }
"#;

const IDS: [&str; 3] = ["m-1", "m-2", "m-3"];

#[tokio::test(flavor = "multi_thread")]
async fn each_beside_a_neighbour() {
    for case in cases::all() {
        check(&[case]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_them_at_once_beside_a_neighbour() {
    check(&cases::all()).await;
}

/// Runs a host with these tags and a neighbour, and sends it three events at once.
async fn check(cases: &[Case]) {
    let receiver = Receiver::start().await;
    let named: Vec<(String, &Case)> = (0..).map(|n: u32| format!("tag-{n:02}")).zip(cases).collect();
    let tags: String = named.iter().map(|(name, case)| case.toml(name)).collect();
    let mut host = TestHost::start_in(data(), &format!("{tags}{NEIGHBOUR}"), guests::folder(), &receiver).await;
    let batch: Vec<_> = IDS.iter().map(|id| event(id)).collect();
    let answer = host.client.post("/v1/batch", &serde_json::json!({"writeKey": "key", "batch": batch})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let outcomes = host.outcomes(IDS.len() * (cases.len() + 1)).await;
    let letters = host.dead_letters().await;

    for (name, case) in &named {
        let about = format!("{}: {} {}", case.guest, case.deed, case.more);
        let mine: Vec<_> = outcomes.iter().filter(|recorded| recorded.tag == *name).collect();
        assert_eq!(mine.len(), IDS.len(), "{about}");
        let cause = match case.expected {
            Expected::Sent => None,
            Expected::Rejected(_) => Some(Cause::Rejected),
            Expected::Refused(_) => Some(Cause::Refused),
            Expected::Failed(_) => Some(Cause::Failed),
        };
        for recorded in mine {
            let name = if cause.is_some() { "dead_letter" } else { "delivered" };
            assert_eq!(recorded.outcome.name(), name, "{about}: {recorded:?}");
            assert!(case.expected.is(recorded.outcome.reason()), "{about}: {recorded:?}");
        }
        let mine: Vec<_> = letters.iter().filter(|letter| letter.tag.as_ref() == Some(name)).collect();
        assert_eq!(mine.len(), if cause.is_some() { IDS.len() } else { 0 }, "{about}: {mine:?}");
        let kept: BTreeSet<&str> = mine.iter().filter_map(|letter| letter.event["messageId"].as_str()).collect();
        assert_eq!(kept.len(), mine.len(), "{about}: {mine:?}");
        assert!(mine.iter().all(|letter| case.expected.is(Some(&letter.reason))), "{about}: {mine:?}");
        assert!(mine.iter().all(|letter| Some(letter.cause) == cause), "{about}: {mine:?}");
    }
    let received = receiver.received();
    let mut neighbours: Vec<String> = received
        .iter()
        .filter(|received| received.host == "neighbour.example")
        .map(|received| received.json()["messageId"].as_str().expect("an id").to_owned())
        .collect();
    neighbours.sort();
    assert_eq!(neighbours, IDS);
    assert_eq!(host.client.get("/healthz").await.status, StatusCode::OK);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_only_the_event_that_a_tag_fails_on_is_lost() {
    let receiver = Receiver::start().await;
    let case = Case { guest: "misbehaving", deed: "trap on poison", more: "", expected: &Expected::Sent };
    let mut host = TestHost::start_in(data(), &case.toml("tag"), guests::folder(), &receiver).await;
    let ids: Vec<String> = (0..8).map(|number| format!("m-{number}")).collect();
    let mut batch: Vec<_> = ids.iter().map(|id| event(id)).collect();
    batch[5]["event"] = "Poison".into();
    host.client.post("/v1/batch", &serde_json::json!({"writeKey": "key", "batch": batch})).await;
    let outcomes = host.outcomes(ids.len()).await;
    for (recorded, id) in outcomes.iter().zip(&ids) {
        let expected = if id == "m-5" { "dead_letter" } else { "delivered" };
        assert_eq!((recorded.message_id.as_str(), recorded.outcome.name()), (id.as_str(), expected));
    }
    let [letter] = host.dead_letters().await.try_into().expect("one letter");
    assert_eq!((letter.cause, &letter.event["event"]), (Cause::Failed, &"Poison".into()));
    // Each of the others exactly once: a call that fails sends nothing.
    assert_eq!(receiver.received().len(), ids.len() - 1);
    host.stop().await;
}
