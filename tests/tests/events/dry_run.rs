//! `tagyard replay --dry-run`: today's container on past events.

use std::fs;
use std::path::Path;

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::{Value, json};
use tagyard_tests::command::Ended;
use tagyard_tests::host::{HEAD, TestHost};
use tagyard_tests::receiver::Receiver;

use crate::{TAGS, ask_in, lines, order, page, send, vendors, with_four_events};

const LONG_AGO: &str = "2026-01-01T00:00Z";

/// Runs a container of these tags dry on a data directory. Its file and the compiled tags are put there too, to be compiled once a test.
async fn dry_run(data: &Path, tags: &str, tag: &str, more: &[&str]) -> Ended {
    fs::write(data.join("shop.toml"), format!("{HEAD}{tags}")).expect("a file");
    let arguments: Vec<&str> =
        ["replay", "shop.toml", "--tag", tag, "--since", LONG_AGO, "--dry-run"].iter().chain(more).copied().collect();
    ask_in(data, data, &arguments).await
}

async fn said(data: &Path, tags: &str, tag: &str) -> String {
    let ended = dry_run(data, tags, tag, &[]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    ended.stdout
}

/// What `--json` prints: a line for each event or shared request, and the counts of events.
async fn compared(data: &Path, tags: &str, tag: &str) -> (Vec<Value>, Value) {
    let ended = dry_run(data, tags, tag, &["--json"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let mut lines = lines(&ended.stdout);
    let summary = lines.pop().expect("a summary");
    (lines, summary["summary"]["events"].clone())
}

fn counts(counts: [usize; 6]) -> Value {
    let [same, changed, only_then, only_now, neither, unknown] = counts;
    json!({"same": same, "changed": changed, "only_then": only_then, "only_now": only_now, "neither": neither, "unknown": unknown})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_container_changes_nothing_and_sends_nothing() {
    let receiver = vendors().await;
    let host = with_four_events(&receiver).await;
    let sent = receiver.received().len();
    let check = async |data: &Path| {
        for (tag, expected) in [
            ("each", counts([3, 0, 0, 0, 1, 0])),
            ("together", counts([4, 0, 0, 0, 0, 0])),
            ("blocked", counts([0, 0, 0, 0, 4, 0])),
            ("refused", counts([3, 0, 0, 0, 1, 0])),
        ] {
            let (lines, found) = compared(data, TAGS, tag).await;
            assert_eq!(found, expected, "{tag}: {lines:#?}");
        }
    };
    check(host.data_dir()).await;
    assert_eq!(
        said(host.data_dir(), TAGS, "each").await,
        "4 events: 3 the same, 0 changed, 0 only then, 0 only now, 1 neither then nor now, 0 unknown\n\
         3 requests: 3 the same, 0 changed, 0 only then, 0 only now\n"
    );
    let ended = dry_run(host.data_dir(), TAGS, "each", &["--all"]).await;
    assert!(ended.stdout.starts_with("event 1 m-1 track \"Order Completed\": the same\n"), "{}", ended.stdout);
    let data = host.stop().await;
    check(data.path()).await;
    assert_eq!(receiver.received().len(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_change_is_said_field_by_field() {
    let receiver = vendors().await;
    let data = with_four_events(&receiver).await.stop().await;
    let today = TAGS
        .replace("x-site = \"shop\"", "x-site = \"store\", x-new = \"1\"")
        .replace("in?key=", "in?v=2&key=")
        .replace("[[tag]]\nname = \"together\"", "[[tag.transform]]\nset = { \"properties.total\" = \"event.properties.total * 2.0\" }\n\n[[tag]]\nname = \"together\"");
    let (lines, found) = compared(data.path(), &today, "each").await;
    assert_eq!(found, counts([0, 3, 0, 0, 1, 0]), "{lines:#?}");
    let line = lines.iter().find(|line| line["events"] == json!([2])).expect("the second event");
    assert_eq!((&line["verdict"], &line["message_ids"]), (&json!("changed"), &json!(["m-2"])));
    assert_eq!(
        line["changed"][0]["changes"],
        json!([
            {"field": "url ?v", "now": "2"},
            {"field": "header x-new", "now": "1"},
            {"field": "header x-site", "then": "shop", "now": "store"},
            {"field": "body /properties/total", "then": 20.0, "now": 40},
        ])
    );
    let text = said(data.path(), &today, "each").await;
    for expected in [
        "event 2 m-2 track \"Order Completed\": changed\n",
        "    header x-site: \"shop\" -> \"store\"\n",
        "    header x-new: (absent) -> \"1\"\n",
        "    body /properties/total: 20.0 -> 40\n",
        "4 events: 0 the same, 3 changed, ",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_run_as_the_batch_that_it_was() {
    let receiver = vendors().await;
    let data = with_four_events(&receiver).await.stop().await;
    let today = TAGS.replace("body = \"batch\"", "body = \"batch\", headers = { x-new = \"1\" }");
    let (lines, found) = compared(data.path(), &today, "together").await;
    assert_eq!(found, counts([0, 4, 0, 0, 0, 0]), "{lines:#?}");
    assert!(lines.len() < 4, "it was no batch: {lines:#?}");
    for line in &lines {
        assert_eq!(line["changed"][0]["changes"], json!([{"field": "header x-new", "now": "1"}]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_on_one_side_only_is_said_with_the_reason() {
    let receiver = vendors().await;
    let data = with_four_events(&receiver).await.stop().await;
    let narrowed = TAGS.replacen("on = [\"Order Completed\"]", "when = \"event.properties.total > 15.0\"", 1);
    let (lines, found) = compared(data.path(), &narrowed, "each").await;
    assert_eq!(found, counts([2, 0, 1, 0, 1, 0]), "{lines:#?}");
    let line = lines.iter().find(|line| line["verdict"] == "only_then").expect("the first event");
    assert_eq!((&line["events"], &line["only_then"][0]["status"]), (&json!([1]), &json!(200)));
    let reason = line["unsent_now"][0].as_str().expect("a reason");
    assert!(reason.starts_with("not triggered: ") && reason.contains("total > 15.0"), "{reason}");

    // A tag that was not there then, and one that was blocked.
    let new = TAGS.replace("name = \"refused\"", "name = \"new\"");
    let (lines, found) = compared(data.path(), &new, "new").await;
    assert_eq!(found, counts([0, 0, 0, 3, 1, 0]), "{lines:#?}");
    let allowed = TAGS.replace("consent = [\"advertising\"]\n", "");
    let text = said(data.path(), &allowed, "blocked").await;
    assert!(text.contains("4 events: 0 the same, 0 changed, 0 only then, 4 only now, "), "{text}");
    assert!(text.contains("  now  POST https://blocked.example/in\n  then blocked by consent: "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_batch_is_compared_by_its_parts() {
    let receiver =
        Receiver::answering(|_, received| match String::from_utf8_lossy(&received.body).contains("poison") {
            true => StatusCode::BAD_REQUEST.into_response(),
            false => StatusCode::OK.into_response(),
        })
        .await;
    let tags = "[[tag]]\nname = \"together\"\nuse = \"webhook\"\n\
        settings = { url = \"https://together.example/in\", body = \"batch\" }\n\
        allow = { hosts = [\"together.example\"], fields = [\"*\"] }\n";
    let mut host = TestHost::start(tags, Path::new(""), &receiver).await;
    let ids = ["a", "b", "c", "poison", "e", "f", "g", "h"];
    send(&host, &ids.map(|id| order(id, 1.0))).await;
    host.outcomes(ids.len()).await;
    assert!(receiver.received().len() > 3, "nothing was split");
    let (lines, found) = compared(host.data_dir(), tags, "together").await;
    assert_eq!(found, counts([8, 0, 0, 0, 0, 0]), "{lines:#?}");
    let mut events: Vec<u64> = lines
        .iter()
        .flat_map(|line| line["events"].as_array().expect("events").clone())
        .map(|event| event.as_u64().expect("a position"))
        .collect();
    events.sort_unstable();
    assert_eq!(events, [1, 2, 3, 4, 5, 6, 7, 8], "each event is compared once");
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_known_is_not_made_up() {
    let receiver = vendors().await;
    let data = with_four_events(&receiver).await.stop().await;
    fs::remove_dir_all(data.path().join("sent")).expect("a folder");
    let (lines, found) = compared(data.path(), TAGS, "each").await;
    assert_eq!(found, counts([0, 0, 0, 0, 1, 3]), "{lines:#?}");
    assert!(said(data.path(), TAGS, "each").await.contains("\nunknown: "));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_time_that_was_asked_for_is_run() {
    let receiver = vendors().await;
    let mut host = TestHost::start(TAGS, Path::new(""), &receiver).await;
    send(&host, &[order("m-1", 1.0)]).await;
    let first = host.outcomes(4).await;
    let between = first.iter().map(|recorded| recorded.at).max().expect("a time").to_string();
    send(&host, &[order("m-2", 2.0), page("m-3")]).await;
    host.outcomes(8).await;
    let ended = dry_run(host.data_dir(), TAGS, "each", &["--until", &between, "--json"]).await;
    let all = lines(&ended.stdout);
    assert_eq!((all.len(), &all[0]["message_ids"]), (2, &json!(["m-1"])), "{}", ended.stdout);
    host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_question_is_explained() {
    let receiver = vendors().await;
    let data = with_four_events(&receiver).await.stop().await;
    let ended = dry_run(data.path(), TAGS, "togeter", &[]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert_eq!(ended.stderr, "error: the container has no tag `togeter`; did you mean `together`?\n");
    let ended = dry_run(data.path(), "[[tag]]\nname = \"each\"\n", "each", &[]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("shop.toml"), "{}", ended.stderr);
}
