//! `tagyard status` and `tagyard dead`.

use std::path::Path;

use serde_json::{Value, json};
use tagyard_tests::command::{Ended, Served, run};
use tagyard_tests::receiver::Receiver;

use crate::{HOOK, folder};

async fn ask(folder: &Path, arguments: &[&str]) -> Ended {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--data-dir", "data"]).collect();
    run(folder, &[], &arguments, "").await
}

#[tokio::test]
async fn a_host_tells_how_it_is_doing_and_what_it_gave_up() {
    let receiver = Receiver::start().await;
    let folder = folder(&[("shop.toml", HOOK)]);
    let ended = ask(folder.path(), &["status"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);

    let options = ["shop.toml", "--data-dir", "data", "--divert", &receiver.url()];
    let served = Served::start(folder.path(), &[], &options).await;
    let good = json!({"type": "page", "anonymousId": "a"});
    let batch = json!({"writeKey": "key", "batch": [good, {"type": "track", "userId": "u-17"}]});
    assert_eq!(served.client.post("/v1/batch", &batch).await.status, 200);
    receiver.wait_for(1).await;

    let ended = ask(folder.path(), &["status", "--json"]).await;
    let status: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&status["container"], &status["tags"][0]["tag"], &status["newest"]),
        (&json!("shop"), &json!("hook"), &json!(1))
    );
    let ended = ask(folder.path(), &["status"]).await;
    assert!(ended.code == Some(0) && ended.stdout.contains("hook"), "{}", ended.stdout);

    let listed = ask(folder.path(), &["dead", "list"]).await;
    assert!(listed.stdout.contains("invalid: event 1 of the request"), "{}", listed.stdout);
    assert!(!listed.stdout.contains("u-17"), "{}", listed.stdout);
    served.terminate().await;

    // The same from the directory alone.
    assert_eq!(ask(folder.path(), &["dead", "list"]).await.stdout, listed.stdout);
    let shown = ask(folder.path(), &["dead", "show", "1"]).await;
    let letter: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(letter["event"], json!({"type": "track", "userId": "u-17"}));
    assert_eq!(ask(folder.path(), &["dead", "list", "--cause", "failed"]).await.stdout, "no dead letters\n");
    let ended = ask(folder.path(), &["dead", "show", "2"]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("no dead letter 2"), "{}", ended.stderr);
    assert_eq!(ask(folder.path(), &["dead", "list", "--cause", "bad luck"]).await.code, Some(2));
}
