//! The native host beside Spin, as the `tagyard` command.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{self, Following, Served};

pub struct Native {
    pub served: Served,
    folder: PathBuf,
    following: Following,
    outcomes: Vec<Value>,
}

/// As Spin gets them as variables.
const ENV: [(&str, &str); 7] = [
    ("META_ACCESS_TOKEN", "value-of-META_ACCESS_TOKEN"),
    ("GA4_API_SECRET", "value-of-GA4_API_SECRET"),
    ("MIXPANEL_TOKEN", "value-of-MIXPANEL_TOKEN"),
    ("META_TOKEN", "value-of-META_TOKEN"),
    ("ORDERS_SIGNING_KEY", "value-of-ORDERS_SIGNING_KEY"),
    ("SHOP", "value-of-SHOP"),
    ("MAIL", "value-of-MAIL"),
];

impl Native {
    /// Serves a container from a folder.
    pub async fn start(folder: &Path, container: &str, divert: &str) -> Self {
        std::fs::write(folder.join("container.toml"), container).expect("a file");
        let served = Served::start(folder, &ENV, &["container.toml", "--divert", divert, "--no-watch"]).await;
        let following = Following::start(folder, &["events", "tail", "--json"], "waiting for events").await;
        Native { served, folder: folder.to_owned(), following, outcomes: Vec::new() }
    }

    /// Waits for so many outcomes, and returns them all.
    pub async fn outcomes(&mut self, count: usize) -> &[Value] {
        while self.outcomes.len() < count {
            let line: Value = serde_json::from_str(&self.following.line().await).expect("JSON");
            if line["line"] == "outcome" {
                self.outcomes.push(line);
            }
        }
        &self.outcomes
    }

    /// All dead letters.
    pub async fn dead(&self) -> Vec<Value> {
        let ended = command::run(&self.folder, &[], &["dead", "list", "--json"], "waiting for events").await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}
