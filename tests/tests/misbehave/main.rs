//! Guests that misbehave, as real components: each fails its own call, with a reason that a person understands, and nothing else.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod cases;
mod fresh;
mod hosts;
mod loading;
mod swap;
mod swapped;
mod tried;

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use tagyard::registry;
use tagyard::sandbox::Sandbox;
use tagyard_pipeline::container::model::Limits;
use tagyard_tests::guests;
use tempfile::TempDir;

/// An event without a user of its own waits for no other.
fn event(id: &str) -> Value {
    json!({"type": "track", "event": "Order Completed", "messageId": id, "userId": format!("user-of-{id}")})
}

/// A data directory with the guests compiled already: dozens of hosts are started here.
fn data() -> TempDir {
    static COMPILED: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let compiled = folder.path().join("compiled");
        let sandbox = Sandbox::start(Some(compiled.clone())).expect("a sandbox");
        for uses in ["./guest_misbehaving.wasm", "./guest_with_std.wasm", "webhook"] {
            let component = registry::resolve(uses, guests::folder()).expect("a tag");
            sandbox.load(&component.bytes, &component.sha256, "{}", &Limits::default()).expect("loads");
        }
        (folder, compiled)
    });
    let data = tempfile::tempdir().expect("a folder");
    copy(&COMPILED.1, &data.path().join("compiled"));
    data
}

fn copy(from: &Path, to: &Path) {
    DirBuilder::new().mode(0o700).create(to).expect("a folder");
    for file in fs::read_dir(from).expect("a folder") {
        let file = file.expect("a file");
        fs::hard_link(file.path(), to.join(file.file_name())).expect("a link");
    }
}
