//! What the end-to-end tests have in common: a host, a receiver in the vendors' place, a client.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

pub mod built;
pub mod client;
pub mod command;
pub mod guests;
pub mod host;
pub mod real;
pub mod receiver;

/// The top of the project.
pub fn top() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
