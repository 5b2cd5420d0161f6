//! The guests that misbehave: real components, built once for a process of tests.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::{built, top};

const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "guest";

/// The `no_std` guest and those with Rust's std, which take the SDK with different features.
const BUILDS: [&[&str]; 2] = [
    &["guest-misbehaving"],
    &["guest-with-std", "guest-unknown-import", "guest-opens-connections", "guest-sends-http"],
];

/// The folder of the components, as `guest_misbehaving.wasm`: what the `use` of a container is relative to.
pub fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let target = built::target().join("test-guests");
        BUILDS.iter().for_each(|packages| build(&target, packages));
        target.join(TARGET).join(PROFILE)
    });
    &FOLDER
}

fn build(target: &Path, packages: &[&str]) {
    // From the folder, so that cargo finds the memory layout in the project's `.cargo/config.toml`.
    let mut cargo = cargo(&top().join("tests/guests"));
    // Not `--locked`: the SDK is another workspace's, and a change of what it depends on changes the lock file here.
    cargo.args(["build", "--quiet", "--profile", PROFILE, "--target", TARGET, "--target-dir"]).arg(target);
    for package in packages {
        cargo.args(["--package", package]);
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "the guests in tests/guests do not build; the compiler's messages are above");
}

/// Cargo in a folder, as a person starts it there, whatever started this test.
pub fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_the_outer_build(name)) {
        cargo.env_remove(name);
    }
    cargo.current_dir(folder);
    cargo
}

/// Whether a variable would make another build of it than it is by itself, as in the host's own build script.
fn is_of_the_outer_build(name: &OsStr) -> bool {
    const KEPT: [&str; 4] = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR"];
    let name = name.to_string_lossy();
    ["RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "LLVM_PROFILE_FILE"].contains(&name.as_ref())
        || (name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept)))
}
