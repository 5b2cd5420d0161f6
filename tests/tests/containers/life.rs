//! When a container works and when it rests.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::IntoResponse;
use http::StatusCode;
use tagyard_tests::command::{Served, run};
use tagyard_tests::receiver::Receiver;
use tempfile::TempDir;

use crate::{RESTS, WORKS, container, doing, folder, serve, status, take};

fn two() -> TempDir {
    folder(&[("a.toml", &container("a")), ("b.toml", &container("b"))])
}

fn state(container: &str, state: &str) -> (String, String) {
    (container.to_owned(), state.to_owned())
}

/// The threads of a process that write logs.
fn log_writers(served: &Served) -> usize {
    let threads = fs::read_dir(format!("/proc/{}/task", served.id())).unwrap();
    let name = |thread: std::io::Result<fs::DirEntry>| fs::read_to_string(thread.ok()?.path().join("comm")).ok();
    threads.filter_map(name).filter(|name| name.trim() == "log-writer").count()
}

/// A vendor that is down until it is told otherwise.
async fn vendor() -> (Receiver, Arc<AtomicBool>) {
    let is_up = Arc::new(AtomicBool::new(false));
    let asked = is_up.clone();
    let receiver = Receiver::answering(move |_, _| match asked.load(Ordering::SeqCst) {
        true => StatusCode::OK.into_response(),
        false => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    })
    .await;
    (receiver, is_up)
}

#[tokio::test]
async fn a_container_works_from_its_first_request_until_nobody_asks_for_it() {
    let receiver = Receiver::start().await;
    let folder = two();
    let served = serve(&folder, &["--divert", &receiver.url(), "--rest-after-seconds", "1"]).await;
    assert_eq!(log_writers(&served), 0);
    assert!(!folder.path().join("data/a").exists());

    take(&served, "a-key", "m-1").await;
    assert_eq!(served.log().matches(WORKS).count(), 1);
    assert!(log_writers(&served) > 0);
    receiver.wait_for(1).await;
    served.wait_for_log(RESTS, 1).await;
    assert_eq!(log_writers(&served), 0);
    assert_eq!(doing(&folder).await, [state("a", "resting"), state("b", "resting")]);

    // It comes back as it was: a duplicate is one.
    take(&served, "a-key", "m-1").await;
    take(&served, "a-key", "m-2").await;
    let received = receiver.wait_for(2).await;
    assert_eq!(received[1].json()["messageId"], "m-2");
    served.terminate().await;
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test]
async fn a_container_with_work_left_does_not_rest() {
    let (receiver, is_up) = vendor().await;
    let folder = two();
    let served = serve(&folder, &["--divert", &receiver.url(), "--rest-after-seconds", "1"]).await;
    take(&served, "a-key", "m-1").await;
    take(&served, "b-key", "m-1").await;
    receiver.wait_for(2).await;
    // A third attempt comes after more than the second without a request.
    receiver.wait_for(6).await;
    assert!(!served.log().contains(RESTS), "{}", served.log());
    is_up.store(true, Ordering::SeqCst);
    served.wait_for_log(RESTS, 2).await;
    assert_eq!(receiver.accepted().len(), 2);
    served.terminate().await;
}

#[tokio::test]
async fn what_a_kill_left_is_taken_up_at_the_next_start_without_a_request() {
    let (receiver, is_up) = vendor().await;
    let folder = two();
    let options = ["--divert", &receiver.url(), "--rest-after-seconds", "1"];
    let served = serve(&folder, &options).await;
    take(&served, "a-key", "m-1").await;
    receiver.wait_for(1).await;
    served.kill().await;

    is_up.store(true, Ordering::SeqCst);
    let served = serve(&folder, &options).await;
    served.wait_for_log(RESTS, 1).await;
    let accepted = receiver.accepted();
    assert_eq!(accepted.len(), 1);
    assert_eq!((accepted[0].host.as_str(), accepted[0].json()["messageId"].as_str()), ("a.example", Some("m-1")));
    served.terminate().await;

    // With nothing left, it rests from the start.
    let served = serve(&folder, &options).await;
    assert_eq!(doing(&folder).await, [state("a", "resting"), state("b", "resting")]);
    assert!(!served.log().contains(WORKS), "{}", served.log());
    served.terminate().await;
}

#[tokio::test]
async fn what_a_term_signal_left_is_taken_up_too() {
    let (receiver, is_up) = vendor().await;
    let folder = two();
    let served = serve(&folder, &["--divert", &receiver.url()]).await;
    take(&served, "a-key", "m-1").await;
    receiver.wait_for(1).await;
    let (exit, log) = served.terminate().await;
    assert!(exit.success(), "{log}");
    is_up.store(true, Ordering::SeqCst);
    let served = serve(&folder, &["--divert", &receiver.url(), "--rest-after-seconds", "1"]).await;
    served.wait_for_log(RESTS, 1).await;
    assert_eq!(receiver.accepted().len(), 1);
    served.terminate().await;
}

#[tokio::test]
async fn a_command_puts_a_container_to_work() {
    let is_bad = Arc::new(AtomicBool::new(true));
    let asked = is_bad.clone();
    let receiver = Receiver::answering(move |_, _| match asked.load(Ordering::SeqCst) {
        true => StatusCode::BAD_REQUEST.into_response(),
        false => StatusCode::OK.into_response(),
    })
    .await;
    let folder = two();
    let served = serve(&folder, &["--divert", &receiver.url(), "--rest-after-seconds", "1"]).await;
    take(&served, "a-key", "m-1").await;
    served.wait_for_log(RESTS, 1).await;

    // A dead letter is nothing that is left to do. Redriven, it is.
    is_bad.store(false, Ordering::SeqCst);
    let ended = run(folder.path(), &[], &["dead", "redrive", "--all", "--data-dir", "data/a"], "").await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    served.wait_for_log(RESTS, 2).await;
    assert_eq!(receiver.accepted().len(), 1);

    let ended = status(&folder, &["data/b"]).await;
    assert!(ended.stdout.contains("container b, loaded"), "{ended:?}");
    let ended = status(&folder, &["data"]).await;
    assert!(ended.stdout.contains("at work") && ended.stdout.contains("rests"), "{ended:?}");
    let ended = status(&folder, &["data/elsewhere"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), "error: no host runs on this data directory\n"));
    let ended = run(folder.path(), &[], &["dead", "list", "--data-dir", "data"], "").await;
    assert!(ended.code == Some(1) && ended.stderr.contains("--data-dir DIR/a"), "{ended:?}");
    served.terminate().await;
}

#[tokio::test]
async fn a_container_that_has_rested_for_long_is_looked_after() {
    let receiver = Receiver::start().await;
    let folder = two();
    let served = serve(&folder, &["--divert", &receiver.url(), "--rest-after-seconds", "1"]).await;
    take(&served, "a-key", "m-1").await;
    served.wait_for_log(RESTS, 1).await;
    let told = folder.path().join("data/a/rest.json");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(13 * 3_600);
    fs::File::options().write(true).open(&told).unwrap().set_modified(long_ago).unwrap();
    // Its retention has its turn while it works; nobody has asked for it.
    served.wait_for_log(WORKS, 2).await;
    served.wait_for_log(RESTS, 2).await;
    assert!(told.metadata().unwrap().modified().unwrap() > long_ago + std::time::Duration::from_secs(3_600));
    served.terminate().await;
}

#[tokio::test]
async fn a_stopped_host_s_container_that_was_marked_is_taken_up() {
    let receiver = Receiver::start().await;
    let folder = two();
    let options = ["--divert", &receiver.url(), "--rest-after-seconds", "1"];
    let served = serve(&folder, &options).await;
    take(&served, "a-key", "m-1").await;
    served.wait_for_log(RESTS, 1).await;
    served.terminate().await;
    let replay = ["replay", "--data-dir", "data/a", "--tag", "hook", "--since", "2026-01-01T00:00Z"];
    let ended = run(folder.path(), &[], &replay, "").await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let served = serve(&folder, &options).await;
    served.wait_for_log(RESTS, 1).await;
    assert_eq!(receiver.received().len(), 2);
    served.terminate().await;
}
