//! The `tagyard` command as its users meet it: the real binary in a process of its own.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

mod check;
mod help;
mod inspect;
mod look;
mod serve;
mod spin;
mod tag_check;
mod r#try;

use std::fs;

use tagyard_tests::command::{Ended, run};
use tempfile::TempDir;

/// A container whose only tag passes every event on, to a receiver that `--divert` names.
const HOOK: &str = r#"
name = "shop"

[collect]
write_keys = ["key"]
origins = ["*"]

[[tag]]
name = "hook"
use = "webhook"
settings = { url = "https://hooks.example/events" }
allow = { hosts = ["hooks.example"], fields = ["*"] }
"#;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// Runs a command in a folder with these files.
async fn run_with(files: &[(&str, &str)], arguments: &[&str]) -> Ended {
    run(folder(files).path(), &[], arguments, "").await
}
