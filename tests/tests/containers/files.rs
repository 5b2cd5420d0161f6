//! Files of the folder that are added, changed, removed and broken while the host runs.

use std::fs;

use serde_json::Value;
use tagyard_tests::receiver::Receiver;
use tempfile::TempDir;

use crate::{WORKS, container, doing, folder, send, serve, status, take, write};

const READ_AGAIN: &str = "they are read again";

/// Sends until the answer is this one: a change is taken some seconds after it was made.
async fn until(served: &tagyard_tests::command::Served, key: &str, expected: u16) {
    let mut last = 0;
    for number in 0..600 {
        let answer = send(served, "localhost", key, &format!("u-{key}-{number}")).await;
        last = answer.status.as_u16();
        if last == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{key}: {last}\n{}", served.log());
}

async fn told(folder: &TempDir) -> Value {
    let ended = status(folder, &["data", "--json"]).await;
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[tokio::test]
async fn containers_come_and_change_and_go() {
    let receiver = Receiver::start().await;
    let folder = folder(&[("a.toml", &container("a")), (".draft.toml", "{")]);
    let served = serve(&folder, &["--divert", &receiver.url()]).await;
    take(&served, "a-key", "m-1").await;
    until(&served, "b-key", 401).await;

    write(folder.path(), "b.toml", &container("b"));
    until(&served, "b-key", 200).await;

    // Of one that works, and of one that rests.
    write(folder.path(), "c.toml", &container("c"));
    served.wait_for_log(READ_AGAIN, 2).await;
    write(folder.path(), "a.toml", &container("a").replace("\"a-key\"", "\"a-new\""));
    write(folder.path(), "c.toml", &container("c").replace("\"c-key\"", "\"c-new\""));
    until(&served, "a-new", 200).await;
    until(&served, "c-new", 200).await;
    assert_eq!(send(&served, "localhost", "a-key", "m-2").await.status, 401);
    assert_eq!(send(&served, "localhost", "c-key", "m-2").await.status, 401);
    take(&served, "b-key", "m-3").await;

    fs::remove_file(folder.path().join("containers/b.toml")).unwrap();
    until(&served, "b-key", 401).await;
    let names: Vec<String> = doing(&folder).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "c"]);

    // Its data is there when it comes back, also from another file.
    write(folder.path(), "again.toml", &container("b"));
    until(&served, "b-key", 200).await;
    let exported = ["events", "export", "--data-dir", "data/b"];
    let ended = tagyard_tests::command::run(folder.path(), &[], &exported, "").await;
    assert!(ended.stdout.contains("\"m-3\""), "{ended:?}");
    let (exit, log) = served.terminate().await;
    assert!(exit.success(), "{log}");
}

#[tokio::test]
async fn a_changed_file_with_mistakes_leaves_its_container_as_it_was() {
    let receiver = Receiver::start().await;
    let folder = folder(&[("a.toml", &container("a")), ("b.toml", &container("b"))]);
    let served = serve(&folder, &["--no-watch", "--divert", &receiver.url()]).await;
    take(&served, "a-key", "m-1").await;
    let bad = [
        ("a.toml", container("a").replace("webhook", "webhok"), "a", "there is no bundled tag `webhok`"),
        ("b.toml", container("b").replace("[collect]", "[collect"), "b", "b.toml:3"),
        (
            "b.toml",
            container("b").replace("b-key", "a-key"),
            "b",
            "the write key `a-key` is that of containers/a.toml as well",
        ),
        (
            "b.toml",
            container("b").replace("name = \"b\"", "name = \"A\""),
            "b",
            "the name `A` is that of containers/a.toml",
        ),
    ];
    for (number, (file, text, container, reason)) in bad.iter().enumerate() {
        write(folder.path(), file, text);
        served.signal("HUP").await;
        served.wait_for_log("changed file was not taken", number + 1).await;
        let told = told(&folder).await;
        let of = told["containers"].as_array().unwrap().iter().find(|one| one["container"] == *container).unwrap();
        assert!(of["failed"]["reason"].as_str().unwrap().contains(reason), "{told:#}");
        take(&served, "a-key", &format!("m-{number}-a")).await;
        take(&served, "b-key", &format!("m-{number}-b")).await;
        let shown = status(&folder, &["data"]).await.stdout;
        assert!(shown.contains("GOES ON AS IT WAS") && shown.contains(reason), "{shown}");
    }
    // Mended, and forgotten.
    write(folder.path(), "a.toml", &container("a"));
    write(folder.path(), "b.toml", &container("b"));
    served.signal("HUP").await;
    for _ in 0..600 {
        if told(&folder).await["containers"].as_array().unwrap().iter().all(|one| one["failed"].is_null()) {
            served.terminate().await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{:#}\n{}", told(&folder).await, served.log());
}

#[tokio::test]
async fn a_broken_file_at_the_start_costs_its_container_alone() {
    let receiver = Receiver::start().await;
    let folder = folder(&[("a.toml", &container("a")), ("b.toml", &container("b").replace("webhook", "webhok"))]);
    let served = serve(&folder, &["--divert", &receiver.url()]).await;
    take(&served, "a-key", "m-1").await;
    // Whose the key is cannot be known: the sender is to come again, rather than to drop its event.
    let answer = send(&served, "localhost", "b-key", "m-1").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.headers.contains_key("retry-after"));
    let shown = status(&folder, &["data"]).await.stdout;
    assert!(shown.contains("b.toml IS NOT SERVED") && shown.contains("webhok"), "{shown}");

    write(folder.path(), "b.toml", &container("b"));
    until(&served, "b-key", 200).await;
    until(&served, "elsewhere", 401).await;
    served.terminate().await;
}

#[tokio::test]
async fn a_container_that_cannot_work_costs_itself_alone() {
    let receiver = Receiver::start().await;
    let folder = folder(&[("a.toml", &container("a")), ("b.toml", &container("b"))]);
    // Where its journal should be, there is a file.
    fs::create_dir_all(folder.path().join("data/b")).unwrap();
    fs::write(folder.path().join("data/b/journal"), "in the way").unwrap();
    let served = serve(&folder, &["--divert", &receiver.url()]).await;
    for number in 0..2 {
        let answer = send(&served, "localhost", "b-key", &format!("m-{number}")).await;
        assert_eq!((answer.status.as_u16(), answer.headers.contains_key("retry-after")), (503, true));
        take(&served, "a-key", &format!("m-{number}")).await;
    }
    assert_eq!(served.log().matches("cannot be put to work").count(), 1, "{}", served.log());
    let states = doing(&folder).await;
    assert_eq!(states[1], ("b".to_owned(), "failed".to_owned()));
    let shown = status(&folder, &["data"]).await.stdout;
    assert!(shown.contains("b CANNOT BE PUT TO WORK"), "{shown}");
    let ended = status(&folder, &["data/b"]).await;
    assert!(ended.code == Some(1) && ended.stderr.contains("b cannot be put to work"), "{ended:?}");
    assert_eq!(served.client.get("/readyz").await.status, 200);

    fs::remove_file(folder.path().join("data/b/journal")).unwrap();
    until(&served, "b-key", 200).await;
    served.wait_for_log(WORKS, 2).await;
    served.terminate().await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_changes_nothing() {
    let receiver = Receiver::start().await;
    let folder = folder(&[("a.toml", &container("a"))]);
    let served = serve(&folder, &["--divert", &receiver.url()]).await;
    fs::rename(folder.path().join("containers"), folder.path().join("away")).unwrap();
    served.wait_for_log("nothing changes", 1).await;
    take(&served, "a-key", "m-1").await;
    fs::rename(folder.path().join("away"), folder.path().join("containers")).unwrap();
    write(folder.path(), "b.toml", &container("b"));
    until(&served, "b-key", 200).await;
    served.terminate().await;
}
