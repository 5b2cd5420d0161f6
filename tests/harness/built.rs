//! Where cargo puts what it builds: found from the test that asks, since `CARGO_TARGET_DIR` may name another folder than `target` in the project.

use std::path::PathBuf;

/// The folder of the profile in which this test or benchmark was built, as `target/debug`.
pub fn profile() -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    test.ancestors().nth(2).expect("a profile's folder").to_owned()
}

/// The command; `cargo build` or `tests/run` makes it.
pub fn command() -> PathBuf {
    let command = profile().join("tagyard");
    assert!(command.is_file(), "{} is missing: run `cargo build` first, or `tests/run`", command.display());
    command
}

/// The folder of the bundled tags' components, which the host's build makes, and of those for Spin.
pub fn components() -> PathBuf {
    target().join("guest-tags/wasm32-wasip2/guest")
}

/// The folder of all profiles, as `target`.
pub fn target() -> PathBuf {
    profile().parent().expect("a target folder").to_owned()
}
