//! Delivery, end to end: what vendors answer, and what becomes of the events.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod guards;
mod order;
mod vendor;
mod vendors;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tagyard::dead_letters::DeadLetter;
use tagyard::outcomes::Recorded;
use tagyard_tests::host::TestHost;

/// A webhook to `https://vendor.example/in` that forwards everything.
const WEBHOOK: &str = r#"
[[tag]]
name = "hook"
use = "webhook"
settings.url = "https://vendor.example/in"
allow = { hosts = ["vendor.example"], fields = ["*"] }
"#;

fn event(id: &str, user: &str) -> Value {
    json!({"type": "track", "event": "Order Completed", "messageId": id, "userId": user})
}

/// Sends one event through a host, and returns how it ended.
async fn one(tags: &str, divert: Option<&str>) -> (Arc<Recorded>, Option<DeadLetter>) {
    let data = tempfile::tempdir().expect("a folder");
    let mut host = TestHost::start_diverted(data, tags, Path::new(""), divert).await;
    host.client.event(event("m-1", "jane")).await;
    let recorded = host.outcomes(1).await.remove(0);
    let letter = host.dead_letters().await.pop();
    host.stop().await;
    (recorded, letter)
}

/// Expects an event to have died undeliverable, and returns its letter.
fn undeliverable((recorded, letter): (Arc<Recorded>, Option<DeadLetter>)) -> DeadLetter {
    let letter = letter.unwrap_or_else(|| panic!("no dead letter: {recorded:?}"));
    assert_eq!((recorded.outcome.name(), letter.cause.name()), ("dead_letter", "undeliverable"), "{letter:?}");
    assert_eq!(recorded.outcome.reason(), Some(letter.reason.as_str()));
    assert_eq!(letter.event["messageId"], "m-1");
    assert!(letter.request.is_some(), "{letter:?}");
    letter
}
