//! What the tests of the Spin components have in common: a container as a manifest, `spin up` or what stands in for it, and the native
//! host beside them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

pub mod manifest;
pub mod native;
pub mod simple;
pub mod spin;

// What the other end-to-end tests have: see tests/harness.
#[path = "../../harness/client.rs"]
pub mod client;
#[allow(dead_code, reason = "not all of it is needed here")]
#[path = "../../harness/command.rs"]
pub mod command;
#[path = "../../harness/guests.rs"]
pub mod guests;
#[path = "../../harness/receiver.rs"]
pub mod receiver;

use std::path::PathBuf;

/// The top of the project.
pub fn top() -> PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of a profile, as `target/debug`, in which this test was built.
pub fn built() -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    test.ancestors().nth(2).expect("a profile's folder").to_owned()
}

/// Where the components for Spin and the bundled tags are.
pub fn components() -> PathBuf {
    built().join("../guest-tags/wasm32-wasip2/guest")
}
