//! The record of what was sent.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tagyard::history::{Logs, Part};
use tagyard::sent::{KEPT_BODY_BYTES, Sent, SentBody};
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

use crate::{TAGS, order, send, vendors, with_four_events};

/// All that lies in the log of a stopped host.
async fn all_sent(data: &Path) -> Vec<Sent> {
    let logs = Logs::open(data).expect("a stopped host's logs");
    let entries = logs.read(Part::Sent, 1, 10_000).await.expect("records");
    entries.iter().map(|entry| serde_json::from_slice(&entry.payload).expect("a request")).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_delivery_that_ended_is_recorded_once() {
    let receiver = vendors().await;
    let host = with_four_events(&receiver).await;
    let data = host.stop().await;
    let sent = all_sent(data.path()).await;
    assert_eq!(sent.len(), receiver.received().len(), "{sent:#?}");

    let of = |tag: &str| sent.iter().filter(|sent| sent.tag == tag).collect::<Vec<_>>();
    let mut each: Vec<_> = of("each");
    each.sort_by_key(|sent| sent.events.clone());
    assert_eq!(each.iter().map(|sent| sent.events.as_slice()).collect::<Vec<_>>(), [[1], [2], [3]]);
    let first = each[0];
    assert_eq!((first.request.method.as_str(), first.status, first.attempts), ("POST", Some(200), 1));
    assert!(first.request.headers.contains(&("x-site".to_owned(), "shop".to_owned())), "{first:#?}");
    assert_eq!(first.request.body.json().expect("JSON")["properties"], json!({"total": 10.0}));

    let mut together: Vec<u64> = of("together").iter().flat_map(|sent| sent.events.clone()).collect();
    together.sort_unstable();
    assert_eq!(together, [1, 2, 3, 4]);
    assert!(of("together").len() < 4, "it was no batch: {sent:#?}");
    assert!(of("blocked").is_empty());
    for refused in of("refused") {
        assert_eq!(
            (refused.status, refused.failed.as_deref()),
            (Some(400), Some("the vendor answered 400 Bad Request"))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_a_secret_is_below_the_data_directory() {
    let receiver = vendors().await;
    let host = with_four_events(&receiver).await;
    let data = host.stop().await;
    let with_secret = receiver.received().iter().filter(|received| received.path.contains("value-of-TOKEN")).count();
    assert_eq!(with_secret, 3, "the vendor gets it");
    let mut has_placeholder = false;
    for file in files(data.path()) {
        let bytes = fs::read(&file).expect("a file");
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!has(b"value-of-"), "{}", file.display());
        has_placeholder |= has(b"secret:token");
    }
    assert!(has_placeholder, "it stands there by name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_is_cut_and_can_be_compared() {
    let receiver = Receiver::start().await;
    let mut host = TestHost::start(TAGS, Path::new(""), &receiver).await;
    let long = |id: &str| {
        let mut event = order(id, 1.0);
        event["properties"]["note"] = "x".repeat(25_000).into();
        event
    };
    send(&host, &[long("m-1"), long("m-2"), long("m-3"), long("m-4")]).await;
    host.outcomes(16).await;
    let data = host.stop().await;
    let longest = receiver.received().into_iter().max_by_key(|received| received.body.len()).expect("a request");
    assert!(longest.body.len() > KEPT_BODY_BYTES, "it was no batch");
    let sent = all_sent(data.path()).await;
    let cut = sent.iter().find(|sent| !sent.request.body.is_whole()).expect("one that was cut");
    assert_eq!(cut.request.body, SentBody::new(&longest.body));
    assert_eq!((cut.request.body.bytes, cut.request.body.json()), (longest.body.len(), None::<Value>));
}

#[tokio::test(flavor = "multi_thread")]
async fn delivery_goes_on_where_it_cannot_be_recorded() {
    let receiver = vendors().await;
    let mut host = TestHost::start(TAGS, Path::new(""), &receiver).await;
    // Nothing is in it yet, and no file can be made in a folder that is gone.
    let folder = host.data_dir().join("sent");
    fs::remove_dir_all(&folder).expect("a folder");
    send(&host, &[order("m-1", 1.0)]).await;
    let outcomes = host.outcomes(4).await;
    let delivered: Vec<&str> = outcomes
        .iter()
        .filter(|recorded| recorded.outcome.name() == "delivered")
        .map(|recorded| recorded.tag.as_str())
        .collect();
    assert_eq!(delivered, ["each", "together"]);
    assert!(!folder.exists());
    host.stop().await;
}
