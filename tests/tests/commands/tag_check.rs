//! `tagyard tag check`.

use serde_json::Value;
use tagyard_tests::{built, guests, top};

use crate::run_with;

#[tokio::test]
async fn a_tag_that_keeps_to_its_limits_passes_and_the_same_comes_again() {
    let arguments = ["tag", "check", "ga4", "--json", "--calls", "16"];
    let (first, second) = (run_with(&[], &arguments).await, run_with(&[], &arguments).await);
    assert_eq!((first.code, first.stderr.as_str()), (Some(0), ""));
    assert_eq!(first.stdout, second.stdout);
    let told: Value = serde_json::from_str(&first.stdout).unwrap();
    assert_eq!((&told["passed"], &told["calls"]), (&true.into(), &16.into()));
    assert!(told["examples"].as_u64().unwrap() >= 10, "{told}");
    let worst = told["instructions"]["worst"].as_u64().unwrap();
    assert!(worst > 10_000 && worst < told["instructions"]["most"].as_u64().unwrap(), "{told}");
    let other = run_with(&[], &["tag", "check", "ga4", "--json", "--calls", "16", "--seed", "2"]).await;
    assert_ne!(first.stdout, other.stdout);
}

#[tokio::test]
async fn a_person_is_told_what_was_tried_and_what_it_took() {
    let examples = top().join("guest-tags/webhook/examples");
    let component = built::components().join("tag_webhook.wasm");
    let (examples, component) = (examples.display().to_string(), component.display().to_string());
    let ended = run_with(&[], &["tag", "check", &component, "--examples", &examples, "--calls", "4"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for said in ["webhook 0.1.0 has passed", "4 calls with made-up events", "instructions", "memory", "of 64 MiB"] {
        assert!(ended.stdout.contains(said), "{said} is not in\n{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_tag_that_does_not_keep_to_them_does_not_pass() {
    let misbehaving = guests::folder().join("guest_misbehaving.wasm").display().to_string();
    for (deed, about) in [
        ("loop", "did not end within 100 million instructions"),
        ("recurse", "ran out of stack"),
        ("trap", "broke off"),
        ("take everything", "more memory than the 64 MiB"),
        ("five thousand requests", "more than the host takes"),
        ("fail for the settings", "does not accept its settings"),
    ] {
        let settings = format!("{{\"do\": \"{deed}\"}}");
        let ended =
            run_with(&[], &["tag", "check", &misbehaving, "--settings", &settings, "--deadline-ms", "100"]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{deed}");
        let first = ended.stderr.lines().next().unwrap_or_default();
        assert!(first.starts_with("misbehaving 0.1.0 has not passed with made-up call 1 of seed 1: "), "{first}");
        assert!(ended.stderr.contains(about), "{deed}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_tag_that_opens_connections_or_lacks_settings_is_not_tried() {
    for (guest, about) in [
        ("guest_opens_connections.wasm", "wasi:sockets"),
        ("guest_sends_http.wasm", "wasi:http"),
        ("guest_unknown_import.wasm", "which the host does not give to tags"),
        ("guest_misbehaving.wasm", "the tag needs the setting `do`: give --settings"),
    ] {
        let guest = guests::folder().join(guest).display().to_string();
        let ended = run_with(&[], &["tag", "check", &guest]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{guest}");
        assert!(ended.stderr.contains(about), "{guest}: {}", ended.stderr);
    }
}
