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
#[path = "../../harness/built.rs"]
pub mod built;
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
