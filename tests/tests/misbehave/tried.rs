//! What `try` says of each.

use std::path::Path;

use serde_json::Value;
use tagyard::container;
use tagyard::sandbox::Sandbox;
use tagyard::tag::Tag;
use tagyard::try_event::{TriedOutcome, TriedTag, try_event};
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::event::Event;
use tagyard_pipeline::object::Object;
use tagyard_pipeline::plan::Shared;
use tagyard_pipeline::request::Request;
use tagyard_tests::host::{HEAD, secret};
use tagyard_tests::{command, guests};

use crate::cases::{self, Expected};
use crate::{data, event};

#[tokio::test(flavor = "multi_thread")]
async fn try_says_what_each_did() {
    let cases = cases::all();
    let tags: String = cases.iter().enumerate().map(|(number, case)| case.toml(&format!("tag-{number}"))).collect();
    let mut wrong = Vec::new();
    for (case, tried) in cases.iter().zip(tried(&tags).await) {
        let outcome = match case.expected {
            Expected::Sent => TriedOutcome::Sent,
            Expected::Rejected(_) => TriedOutcome::Rejected,
            Expected::Refused(_) => TriedOutcome::Refused,
            Expected::Failed(_) => TriedOutcome::Failed,
        };
        if tried.outcome != outcome || !case.expected.is(tried.reason.as_deref()) {
            wrong.push(format!("{}: {}: {:?} {:?}", case.guest, case.deed, tried.outcome, tried.reason));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tag_writes_stands_in_lines_of_its_own() {
    let logged = async |guest: &str, deed: &str| {
        let case = cases::all().into_iter().find(|case| (case.guest, case.deed) == (guest, deed)).expect("a case");
        let tried = tried(&case.toml("tag")).await.remove(0);
        tried.log.into_iter().map(|line| line.message).collect::<Vec<_>>()
    };
    let forged = "fine  2026-11-21T00:00:00Z ERROR tagyard: all is lost [2J";
    assert_eq!(logged("misbehaving", "log a forgery").await, [forged]);
    assert_eq!(logged("with_std", "print").await, ["on standard output", "on standard error [2J"]);
    assert_eq!(logged("misbehaving", "a million log lines").await.len(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_with_rusts_std_sees_nothing_of_the_machine() {
    let case = cases::all().into_iter().find(|case| case.deed == "look around").expect("a case");
    let tried = tried(&case.toml("tag")).await.remove(0);
    let expected = "environment: 0\narguments: 0\n/etc/passwd: not there\n/: not there\n.: not there\n\
        a new file: not there\nstandard input: 0 bytes\na thread: not there\nclock: set\n";
    assert_eq!(tried.requests[0].body, Value::from(expected));
}

/// The command itself, as an operator runs it.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_says_the_same() {
    let folder = data();
    let of = |guest: &str, deed: &str| {
        cases::all().into_iter().find(|case| (case.guest, case.deed) == (guest, deed)).expect("a case")
    };
    let cases = [of("misbehaving", "trap"), of("misbehaving", "header value with CR LF"), of("with_std", "panic")];
    let tags: String = cases.iter().enumerate().map(|(number, case)| case.toml(&format!("tag-{number}"))).collect();
    let tags = tags.replace("\"./", &format!("\"{}/", guests::folder().display()));
    write(folder.path(), "test.toml", &format!("{HEAD}{tags}"));
    write(folder.path(), "event.json", &event("m-1").to_string());
    let ended = command::run(folder.path(), &[], &["try", "test.toml", "event.json", "--json"], "").await;
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for (number, case) in cases.iter().enumerate() {
        let tag = &report["events"][0]["tags"][number];
        let outcome = if matches!(case.expected, Expected::Refused(_)) { "refused" } else { "failed" };
        assert_eq!(tag["outcome"], outcome, "{tag}");
        assert!(case.expected.is(tag["reason"].as_str()), "{tag}");
    }
    let readable = command::run(folder.path(), &[], &["try", "test.toml", "event.json"], "").await.stdout;
    assert!(readable.contains("tag-0: failed, since it broke off: a panic"), "{readable}");
}

/// Tries one event on the tags of a TOML text.
async fn tried(tags: &str) -> Vec<TriedTag> {
    let text = format!("{HEAD}{tags}");
    let loaded = container::parse("test.toml", &text, guests::folder(), secret);
    let loaded = loaded.unwrap_or_else(|report| panic!("{report}"));
    let data = data();
    let sandbox = Sandbox::start(Some(data.path().join("compiled"))).expect("a sandbox");
    let shared = Shared::compile(&loaded.container).expect("what the tags share");
    let start = |tag| Tag::start(&sandbox, tag, shared.clone(), secret).expect("starts");
    let tags: Vec<Tag> = loaded.tags.iter().map(start).collect();
    let Value::Object(fields) = event("m-1") else { panic!("it is an object") };
    let event = Event::new(Object::from(&fields)).expect("an event");
    let accepted = Accepted::new("2026-11-21T10:00:00Z".parse().expect("a time"), "try", Request::default(), event);
    try_event(&tags, &accepted).await.tags
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("a file");
}
