//! A running host is given another container: by SIGHUP, by a changed file; good ones and bad ones; under load. And what of the
//! container governs a host over time: retention, order, how it is shown.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

mod files;
mod keep;
mod load;
mod order;
mod status;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tagyard_tests::command::{Ended, run};
use tempfile::TempDir;

/// The beginning of a container that takes one write key.
fn head(key: &str) -> String {
    format!("name = \"shop\"\n\n[collect]\nwrite_keys = [\"{key}\"]\n\n")
}

/// A tag that passes every event on to a path of its own, with a mark in it, which a transformation and the settings both give:
/// a request of a mixture would have two different ones.
fn hook(name: &str, mark: &str) -> String {
    format!(
        "[[tag]]\nname = \"{name}\"\nuse = \"webhook\"\nsettings = {{ url = \"https://{name}.example/{mark}\" }}\n\
         allow = {{ hosts = [\"{name}.example\"], fields = [\"*\"] }}\n\
         [[tag.transform]]\nset = {{ \"properties.mark\" = \"'{mark}'\" }}\n\n"
    )
}

/// A folder with a container file.
fn folder(container: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), container);
    folder
}

/// Replaces the container file at once, as a deployment does.
fn write(folder: &Path, container: &str) {
    fs::write(folder.join("shop.toml.new"), container).unwrap();
    fs::rename(folder.join("shop.toml.new"), folder.join("shop.toml")).unwrap();
}

fn page(key: &str, id: &str, user: &str) -> Value {
    json!({"writeKey": key, "type": "page", "anonymousId": user, "messageId": id})
}

/// `tagyard status`, of the host that serves a folder.
async fn status(folder: &Path, options: &[&str]) -> Ended {
    let arguments: Vec<&str> = ["status"].iter().chain(options).copied().collect();
    run(folder, &[], &arguments, "").await
}

async fn status_json(folder: &Path) -> Value {
    let ended = status(folder, &["--json"]).await;
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// Waits until the status is as it should be.
async fn wait_for_status(folder: &Path, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..600 {
        last = status_json(folder).await;
        if is_so(&last) {
            return last;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{what}: {last:#}");
}
