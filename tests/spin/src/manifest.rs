//! The Spin manifest of a container, as `tagyard spin` writes it.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::{built, command, guests};

/// The token of the operator's routes in every test.
pub const TOKEN: &str = "a-token-for-the-tests";

/// The guest that does what no tag should, as a container names it.
const GUEST: &str = "guest_misbehaving.wasm";

/// Stands in a manifest that was written before for where requests go this time.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Writes the manifest of a container into a folder. `divert` is where every request goes instead of to the vendors; `options` are those of
/// `tagyard spin`.
pub async fn write(folder: &Path, container: &str, divert: &str, options: &[&str]) {
    let ready = ready(container, options).await;
    let text = std::fs::read_to_string(ready.join("spin.toml")).expect("a manifest").replace(NOWHERE, divert);
    let mut manifest: Table = text.parse().expect("TOML");
    let components = manifest["component"].as_table_mut().expect("components");
    for (_, component) in components.iter_mut() {
        absolute(&mut component["source"], &ready);
        let dependencies = component.get_mut("dependencies").and_then(Value::as_table_mut).into_iter().flatten();
        dependencies.for_each(|(_, dependency)| absolute(&mut dependency["path"], &ready));
    }
    std::fs::write(folder.join("spin.toml"), toml::to_string(&manifest).expect("TOML")).expect("a file");
}

/// A folder with the manifest of a container and its tags. To check tags takes a while, so it is done once for all tests.
async fn ready(container: &str, options: &[&str]) -> PathBuf {
    let uses_guest = container.contains(GUEST);
    let guest = uses_guest.then(|| guests::folder().join(GUEST));
    let mut hash = Sha256::new();
    hash.update(format!("{container:?} {options:?}"));
    for file in [Some(built::command()), guest.clone()].into_iter().flatten() {
        let about = std::fs::metadata(&file).expect("a file");
        let written = about.modified().expect("a time").duration_since(UNIX_EPOCH).expect("since 1970");
        hash.update(format!("{} {}", about.len(), written.as_nanos()));
    }
    let all = built::profile().join("spin-manifests");
    let ready = all.join(hex::encode(&hash.finalize()[..16]));
    if ready.is_dir() {
        return ready;
    }
    std::fs::create_dir_all(&all).expect("a folder");
    let new = tempfile::tempdir_in(&all).expect("a folder");
    std::fs::write(new.path().join("container.toml"), container).expect("a file");
    if let Some(guest) = guest {
        std::fs::copy(guest, new.path().join(GUEST)).expect("a file");
    }
    let host = built::components().canonicalize().expect("the components: run tests/spin/run");
    let host = host.to_str().expect("UTF-8");
    let fixed = ["spin", "container.toml", "-o", "spin.toml", "--host", host, "--divert", NOWHERE, "--calls", "2"];
    let ended = command::run(new.path(), &[], &[&fixed, options].concat(), "").await;
    assert_eq!(ended.code, Some(0), "{container}: {}", ended.stderr);
    // Another test may have been quicker.
    if std::fs::rename(new.path(), &ready).is_ok() {
        let _ = new.keep();
    }
    ready
}

fn absolute(path: &mut Value, folder: &Path) {
    let joined = folder.join(path.as_str().expect("a path"));
    *path = joined.canonicalize().expect("a file").to_str().expect("UTF-8").into();
}
