//! Running events again by the commands, on a running host and on a stopped one's data.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

mod redrive;
mod replay;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::response::IntoResponse;
use http::StatusCode;
use serde_json::json;
use tagyard_tests::command::{Ended, Served, run};
use tagyard_tests::receiver::{Received, Receiver};
use tempfile::TempDir;

const HEAD: &str = "name = \"shop\"\n[collect]\nwrite_keys = [\"key\"]\n";

/// A vendor, a data directory, and hosts that come and go on it.
struct Shop {
    vendor: Receiver,
    refuses: Arc<AtomicBool>,
    folder: TempDir,
}

impl Shop {
    /// A vendor that refuses everything for good, or takes it.
    async fn new(refuses: bool) -> Self {
        let refuses = Arc::new(AtomicBool::new(refuses));
        let is_refusing = refuses.clone();
        let vendor = Receiver::answering(move |_, _| match is_refusing.load(Ordering::Relaxed) {
            true => (StatusCode::FORBIDDEN, "not today").into_response(),
            false => StatusCode::OK.into_response(),
        })
        .await;
        Shop { vendor, refuses, folder: tempfile::tempdir().unwrap() }
    }

    fn accept(&self) {
        self.refuses.store(false, Ordering::Relaxed);
    }

    /// A host with a tag of each name that passes every event on to a path of that name.
    async fn serve(&self, tags: &[&str]) -> Served {
        let tag = |name: &&str| {
            format!(
                "[[tag]]\nname = \"{name}\"\nuse = \"webhook\"\nsettings = {{ url = \"https://hooks.example/{name}\" }}\n\
                 allow = {{ hosts = [\"hooks.example\"], fields = [\"*\"] }}\n"
            )
        };
        let container = HEAD.to_owned() + &tags.iter().map(tag).collect::<String>();
        fs::write(self.folder.path().join("shop.toml"), container).unwrap();
        let options = ["shop.toml", "--data-dir", "data", "--divert", &self.vendor.url()];
        Served::start(self.folder.path(), &[], &options).await
    }

    /// What a command says, and that it does so as it should.
    async fn ask(&self, arguments: &[&str], code: i32) -> Ended {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--data-dir", "data"]).collect();
        let ended = run(self.folder.path(), &[], &arguments, "").await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        ended
    }

    async fn says(&self, arguments: &[&str], expected: &str) {
        assert_eq!(self.ask(arguments, 0).await.stdout, expected, "{arguments:?}");
    }

    /// The `messageId` of every event that came for a tag from the `skip`th request on, in order.
    async fn received(&self, tag: &str, skip: usize, count: usize) -> Vec<String> {
        let id = |received: &Received| received.json()["messageId"].as_str().expect("an id").to_owned();
        let received = self.vendor.wait_for(skip + count).await;
        let mut ids: Vec<String> =
            received[skip..].iter().filter(|received| received.path == format!("/{tag}")).map(id).collect();
        ids.sort_unstable();
        ids
    }
}

/// Sends events with these ids, each of another user.
async fn send(served: &Served, ids: &[&str]) {
    for id in ids {
        served.client.event(json!({"type": "page", "messageId": id, "userId": id})).await;
    }
}

/// Waits until a command says it: what a host records soon after a vendor's answer.
async fn until(shop: &Shop, arguments: &[&str], holds: impl Fn(&str) -> bool) -> String {
    for _ in 0..600 {
        let ended = shop.ask(arguments, 0).await;
        if holds(&ended.stdout) {
            return ended.stdout;
        }
    }
    panic!("{arguments:?} never came to say it");
}
