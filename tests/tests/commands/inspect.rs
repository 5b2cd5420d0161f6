//! `tagyard tag inspect`.

use std::fs;

use serde_json::Value;
use tagyard::registry;
use tagyard_tests::command::run;
use tagyard_tests::top;

use crate::{folder, run_with};

#[tokio::test]
async fn a_bundled_tag_tells_what_it_is_and_asks_for() {
    let ended = run_with(&[], &["tag", "inspect", "ga4"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    for said in [
        "ga4 0.1.0",
        "Google Analytics 4",
        "size",
        "sha256",
        "imports",
        "www.google-analytics.com",
        "measurement_id",
        "GA4_API_SECRET",
    ] {
        assert!(ended.stdout.contains(said), "{said} is not in\n{}", ended.stdout);
    }
}

#[tokio::test]
async fn its_entry_only_has_to_be_filled_in() {
    let ended = run_with(&[], &["tag", "inspect", "webhook"]).await;
    let (_, entry) = ended.stdout.split_once("[[tag]]").expect("an entry");
    let entry = entry.replace("url = …", "url = \"https://hooks.example/\"").replace("[…]", "[\"hooks.example\"]");
    let container = format!("name = \"shop\"\n[collect]\nwrite_keys = [\"key\"]\n[[tag]]{entry}");
    let folder = folder(&[("shop.toml", &container)]);
    let env = [("WEBHOOK_SIGNING_KEY", "sesame"), ("WEBHOOK_TOKEN", "sesame")];
    let checked = run(folder.path(), &env, &["check", "--plain", "shop.toml"], "").await;
    assert_eq!(checked.code, Some(0), "{}{container}", checked.stderr);
}

#[tokio::test]
async fn a_file_tells_the_same_as_json() {
    let component = registry::resolve("webhook", &top()).unwrap();
    let folder = folder(&[]);
    fs::write(folder.path().join("mine.wasm"), &component.bytes).unwrap();
    let ended = run(folder.path(), &[], &["tag", "inspect", "--json", "mine.wasm"], "").await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(told["manifest"]["name"], "webhook");
    assert_eq!(told["sha256"], component.sha256);
    assert_eq!(told["bytes"], component.bytes.len());
    assert_eq!(told["manifest"]["settings"]["required"][0], "url");
}

#[tokio::test]
async fn what_is_no_tag_is_said_to_be() {
    for (tag, about) in
        [("ga5", "did you mean `ga4`?"), ("text.wasm", "no WebAssembly"), ("./nothing.wasm", "nothing.wasm")]
    {
        let ended = run_with(&[("text.wasm", "text")], &["tag", "inspect", tag]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{tag}");
        assert!(ended.stderr.contains(about), "{tag}: {}", ended.stderr);
    }
}
