//! Several containers in one host: whose a request is, when a container works and when it rests, what becomes of changed files,
//! and that nothing of one is seen in another.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

mod apart;
mod check;
mod files;
mod life;
mod routes;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tagyard_tests::client::Answer;
use tagyard_tests::command::{Ended, Served, run};
use tempfile::TempDir;

/// What `serve` says when a container has been put to work, and when it has been let go.
const WORKS: &str = "the container was put to work";
const RESTS: &str = "the container rests";

/// A container with one write key, `NAME-key`, and one tag, which sends events to `NAME.example`.
fn container(name: &str) -> String {
    format!("name = \"{name}\"\n\n[collect]\nwrite_keys = [\"{name}-key\"]\n\n{}", tag(name))
}

fn tag(name: &str) -> String {
    format!(
        "[[tag]]\nname = \"hook\"\nuse = \"webhook\"\nsettings = {{ url = \"https://{name}.example/\" }}\n\
         allow = {{ hosts = [\"{name}.example\"], fields = [\"*\"] }}\n"
    )
}

/// A folder `containers` with these files, in a folder of its own.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("containers")).unwrap();
    files.iter().for_each(|(name, text)| write(folder.path(), name, text));
    folder
}

/// Replaces a container's file at once, as a deployment does.
fn write(folder: &Path, name: &str, text: &str) {
    let (new, file) = (folder.join("new"), folder.join("containers").join(name));
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}

/// Serves the folder, on its folder `data`.
async fn serve(folder: &TempDir, options: &[&str]) -> Served {
    let options: Vec<&str> = ["containers", "--data-dir", "data"].iter().chain(options).copied().collect();
    Served::start(folder.path(), &[], &options).await
}

fn page(key: &str, id: &str) -> Value {
    json!({"writeKey": key, "type": "page", "anonymousId": "a", "messageId": id})
}

/// Sends an event with this key, to this host name.
async fn send(served: &Served, host: &str, key: &str, id: &str) -> Answer {
    let headers = [("host", host), ("content-type", "application/json")];
    served.client.send("POST", "/v1/page", &headers, page(key, id).to_string()).await
}

/// The same, which has to be taken.
async fn take(served: &Served, key: &str, id: &str) {
    let answer = send(served, "localhost", key, id).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn status(folder: &TempDir, options: &[&str]) -> Ended {
    let arguments: Vec<&str> = ["status", "--data-dir"].iter().chain(options).copied().collect();
    run(folder.path(), &[], &arguments, "").await
}

/// What each container of the folder is doing.
async fn doing(folder: &TempDir) -> Vec<(String, String)> {
    let ended = status(folder, &["data", "--json"]).await;
    let status: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    status["containers"].as_array().unwrap().iter().map(|one| (text(&one["container"]), text(&one["state"]))).collect()
}
