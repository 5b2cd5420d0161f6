//! What an operator asks a running host, and a stopped one's data.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::path::Path;

use serde_json::json;
use tagyard::admin::{AskError, Filter, Numbered, Status, ask, list};
use tagyard::host::open_dead_letters;
use tagyard_pipeline::outcome::Cause;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

/// `good` delivers everything; `lost` asks for a host that it was not granted.
const TAGS: &str = r#"
[[tag]]
name = "good"
use = "webhook"
settings = { url = "https://good.example/" }
allow = { hosts = ["good.example"], fields = ["type"] }

[[tag]]
name = "lost"
use = "webhook"
settings = { url = "https://elsewhere.example/" }
on = ["identify"]
allow = { hosts = ["good.example"], fields = ["type"] }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn status_and_dead_letters_of_a_host() {
    let receiver = Receiver::start().await;
    let mut host = TestHost::start(TAGS, Path::new("."), &receiver).await;
    host.client.event(json!({"type": "page", "userId": "u"})).await;
    host.client.event(json!({"type": "identify", "userId": "u"})).await;
    host.outcomes(4).await;
    let folder = host.data_dir().to_owned();

    let status: Status = ask(&folder, "/status").await.expect("a status");
    assert_eq!((status.container.as_str(), status.oldest, status.newest), ("test", 1, 2));
    let tags: Vec<_> = status
        .tags
        .iter()
        .map(|tag| (tag.tag.as_str(), tag.unread, tag.unfinished, tag.delivered, tag.not_triggered, tag.dead))
        .collect();
    assert_eq!(tags, [("good", 0, 0, 2, 0, 0), ("lost", 0, 0, 0, 1, 1)]);

    let count = async |query: &str| {
        let found: Vec<Numbered> = ask(&folder, &format!("/dead?limit=10&{query}")).await.expect("letters");
        found.len()
    };
    assert_eq!(count("").await, 1);
    assert_eq!(count("tag=lost&cause=refused&number=1").await, 1);
    assert_eq!(count("tag=good").await, 0);
    assert_eq!(count("cause=failed").await, 0);
    assert_eq!(count("reason=granted+hosts").await, 1);
    assert_eq!(count("reason=timeout").await, 0);
    assert_eq!(count("until=2026-01-01T00:00:00Z").await, 0);

    let data = host.stop().await;
    assert!(matches!(ask::<Status>(&folder, "/status").await, Err(AskError::NotRunning)));
    let letters = open_dead_letters(data.path()).expect("a stopped host's letters");
    let found = list(&letters, &Filter { limit: 10, ..Filter::default() }).await.expect("letters");
    let [Numbered { number: 1, settled: None, letter }] = found.as_slice() else { panic!("one letter: {found:?}") };
    assert_eq!((letter.cause, letter.tag.as_deref(), letter.position), (Cause::Refused, Some("lost"), Some(2)));
    assert_eq!(
        letter.reason,
        "`elsewhere.example` is outside the tag's granted hosts; to allow it, add it to `allow.hosts`"
    );
    assert_eq!(letter.event["type"], "identify");
}

/// Only the host's own user may ask it.
#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_users_alone() {
    use std::os::unix::fs::PermissionsExt;
    let receiver = Receiver::start().await;
    let host = TestHost::start(TAGS, Path::new("."), &receiver).await;
    let metadata = std::fs::metadata(tagyard::admin::Admin::socket(host.data_dir())).expect("a socket");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    host.stop().await;
}
