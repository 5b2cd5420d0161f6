//! `tagyard events export`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

use crate::{ONE, TAG_COUNT, ask, ask_in, lines, page, printed, send, vendors, with_four_events};

async fn ids(data: &Path, filters: &[&str]) -> Vec<String> {
    let arguments: Vec<&str> = ["events", "export"].iter().chain(filters).copied().collect();
    let id = |line: Value| line["event"]["messageId"].as_str().expect("an id").to_owned();
    lines(&printed(data, &arguments).await).into_iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_exported_with_their_outcomes() {
    let receiver = vendors().await;
    let mut host = with_four_events(&receiver).await;
    let folder = host.data_dir().to_owned();

    let exported = printed(&folder, &["events", "export"]).await;
    let all = lines(&exported);
    let positions: Vec<&Value> = all.iter().map(|line| &line["position"]).collect();
    assert_eq!(positions, [1, 2, 3, 4]);
    let outcome = |line: usize, tag: &str| all[line]["outcomes"][tag].clone();
    assert_eq!(outcome(0, "each")["outcome"], "delivered");
    assert_eq!(outcome(0, "each")["runs"], 1);
    assert_eq!(outcome(3, "each")["outcome"], "not_triggered");
    let refused = outcome(2, "refused");
    assert_eq!((&refused["outcome"], &refused["cause"]), (&json!("dead_letter"), &json!("undeliverable")));
    assert_eq!(all[0]["outcomes"].as_object().map(serde_json::Map::len), Some(TAG_COUNT));

    assert_eq!(ids(&folder, &["--tag", "refused", "--outcome", "dead_letter"]).await, ["m-1", "m-2", "m-3"]);
    assert_eq!(ids(&folder, &["--tag", "each", "--outcome", "not_triggered"]).await, ["m-4"]);
    assert_eq!(ids(&folder, &["--tag", "nobody"]).await, [""; 0]);
    assert_eq!(ids(&folder, &["--outcome", "delivered"]).await, ["m-1", "m-2", "m-3", "m-4"]);

    // A later event tells the times apart.
    let last = all[3]["received_at"].as_str().expect("a time").to_owned();
    while jiff::Timestamp::now().as_millisecond() <= last.parse::<jiff::Timestamp>().expect("a time").as_millisecond() {
        tokio::task::yield_now().await;
    }
    let between = jiff::Timestamp::now().to_string();
    send(&host, &[page("m-5")]).await;
    host.outcomes(TAG_COUNT).await;
    assert_eq!(ids(&folder, &["--since", &between]).await, ["m-5"]);
    assert_eq!(ids(&folder, &["--until", &between]).await, ["m-1", "m-2", "m-3", "m-4"]);
    assert_eq!(ask(&folder, &["events", "export", "--outcome", "lost"]).await.code, Some(2));

    let now = printed(&folder, &["events", "export"]).await;
    let data = host.stop().await;
    assert_eq!(printed(data.path(), &["events", "export"]).await, now, "the same from the directory alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_file_is_its_owners_alone() {
    let receiver = vendors().await;
    let host = with_four_events(&receiver).await;
    let folder = tempfile::tempdir().expect("a folder");
    let ended = ask_in(folder.path(), host.data_dir(), &["events", "export", "-o", "events.jsonl"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert!(ended.stderr.contains("4 events written to events.jsonl"), "{}", ended.stderr);
    let path = folder.path().join("events.jsonl");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(lines(&fs::read_to_string(&path).expect("a file")).len(), 4);

    let ended = ask_in(folder.path(), host.data_dir(), &["events", "export", "-o", "no/such/folder"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.starts_with("error: cannot write no/such/folder: "), "{}", ended.stderr);
    host.stop().await;
}

/// More events than are read, or put together with their outcomes, at once.
#[tokio::test(flavor = "multi_thread")]
async fn many_events_are_exported_in_order_and_each_with_its_outcome() {
    const BATCH: usize = 1_000;
    let count = tagyard::history::CHUNK_EVENTS + BATCH;
    let receiver = Receiver::start().await;
    let mut host = TestHost::start(ONE, Path::new(""), &receiver).await;
    for first in (0..count).step_by(BATCH) {
        let events: Vec<Value> =
            (first..(first + BATCH).min(count)).map(|number| page(&format!("m-{number}"))).collect();
        let sent = events.len();
        send(&host, &events).await;
        host.outcomes(sent).await;
    }
    let data = host.stop().await;
    let exported = lines(&printed(data.path(), &["events", "export"]).await);
    assert_eq!(exported.len(), count);
    for (number, line) in exported.iter().enumerate() {
        assert_eq!(line["event"]["messageId"], format!("m-{number}"));
        assert_eq!(line["outcomes"]["one"]["outcome"], "not_triggered", "{line}");
    }
}
