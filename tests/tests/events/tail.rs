//! `tagyard events tail`.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tagyard::admin::{Line, Lines};
use tagyard_tests::command::Following;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;
use tokio::time::timeout;

use crate::{ONE, TAG_COUNT, TAGS, ask, order, page, send, vendors};

async fn follow(data: &Path, arguments: &[&str]) -> Following {
    let data = data.to_str().expect("a path");
    let arguments: Vec<&str> = ["events", "tail", "--data-dir", data].iter().chain(arguments).copied().collect();
    Following::start(Path::new("/"), &arguments, "waiting for events").await
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_outcomes_are_shown_as_they_come_until_the_host_stops() {
    let receiver = vendors().await;
    let host = TestHost::start(TAGS, Path::new(""), &receiver).await;
    send(&host, &[page("before")]).await;
    let mut all = follow(host.data_dir(), &["--json"]).await;
    let mut text = follow(host.data_dir(), &["--tag", "refused"]).await;
    send(&host, &[order("m-1", 1.0)]).await;

    let mut outcomes = Vec::new();
    let mut event = None;
    while outcomes.len() < TAG_COUNT {
        let line: Value = serde_json::from_str(&all.line().await).expect("JSON");
        // The one before may still be ending.
        if line["position"] != 2 {
            continue;
        }
        match line["line"].as_str() {
            Some("event") => event = Some(line["event"]["messageId"].clone()),
            Some("outcome") => {
                assert!(event.is_some(), "an outcome before its event");
                outcomes.push((line["tag"].as_str().unwrap().to_owned(), line["outcome"].as_str().unwrap().to_owned()));
            }
            _ => panic!("{line}"),
        }
    }
    assert_eq!(event, Some("m-1".into()));
    outcomes.sort_unstable();
    assert_eq!(outcomes[0], ("blocked".to_owned(), "blocked_by_consent".to_owned()));
    assert_eq!(outcomes[2], ("refused".to_owned(), "dead_letter".to_owned()));

    let mut shown = Vec::new();
    while !shown.iter().any(|line: &String| line.contains("  2    refused: dead letter")) {
        shown.push(text.line().await);
    }
    assert!(shown.iter().any(|line| line.ends_with("  2  track \"Order Completed\" m-1 of user-of-m-1")), "{shown:#?}");
    assert!(shown.iter().all(|line| !line.contains("each: ")), "{shown:#?}");

    let data = host.stop().await;
    assert_eq!((all.end().await, text.end().await), (Some(0), Some(0)));
    let ended = ask(data.path(), &["events", "tail"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("no host runs on this data directory"), "{}", ended.stderr);
}

/// Sends so much that no buffer between the host and a reader who does not read holds it.
async fn flood(host: &TestHost, batches: usize) -> usize {
    const BATCH: usize = 20;
    for batch in 0..batches {
        let events: Vec<Value> = (0..BATCH)
            .map(|number| {
                let mut event = page(&format!("m-{batch}-{number}"));
                event["properties"] = serde_json::json!({"note": "x".repeat(20_000)});
                event
            })
            .collect();
        send(host, &events).await;
    }
    batches * BATCH
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_is_told_that_it_missed_some_and_holds_back_nobody() {
    let receiver = Receiver::start().await;
    let mut host = TestHost::start(ONE, Path::new(""), &receiver).await;
    let mut lines = Lines::ask(host.data_dir(), "/events/tail").await.expect("lines");
    let count = flood(&host, 100).await;
    host.outcomes(count).await;
    send(&host, &[page("last")]).await;
    host.outcomes(1).await;
    let (mut seen, mut missed) = (0, 0);
    loop {
        let line = timeout(Duration::from_secs(60), lines.next()).await.expect("a line in time");
        match serde_json::from_slice(&line.expect("a line").expect("no end")).expect("JSON") {
            Line::Event(past) if past.event.message_id() == "last" => break,
            Line::Event(_) | Line::Outcome(_) => seen += 1,
            Line::Missed { lines } => missed += lines,
            Line::Unreadable(unreadable) => panic!("{unreadable:?}"),
        }
    }
    assert!(seen > 0 && missed > 0, "{seen} seen, {missed} missed");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_does_not_keep_the_host_from_stopping() {
    let receiver = Receiver::start().await;
    let mut host = TestHost::start(ONE, Path::new(""), &receiver).await;
    let lines = Lines::ask(host.data_dir(), "/events/tail").await.expect("lines");
    let count = flood(&host, 20).await;
    host.outcomes(count).await;
    let data = timeout(Duration::from_secs(30), host.stop()).await.expect("it stops");
    // Nothing of it is left that would hold the directory.
    let again = TestHost::start_in(data, ONE, Path::new(""), &receiver).await;
    drop(lines);
    again.stop().await;
}
