//! The collector as its clients see it: what is accepted and how it reaches a vendor, what is refused and how, and what a
//! hostile client cannot do.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says why and ends"
)]

mod accepts;
mod asks;
mod bounds;
mod dedupe;
mod identity;
mod outcomes;
mod pages;
mod probes;
mod refuses;
mod sources;
mod transforms;
mod visitors;

use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

/// Passes every event on as it is.
const WEBHOOK: &str = r#"
[[tag]]
name = "webhook"
use = "webhook"
settings = { url = "https://hooks.example/events" }
allow = { hosts = ["hooks.example"], fields = ["*"] }
"#;

/// A host whose only tag passes every event on.
async fn webhook() -> (TestHost, Receiver) {
    let receiver = Receiver::start().await;
    let host = TestHost::start(WEBHOOK, Path::new("."), &receiver).await;
    (host, receiver)
}

/// The value of `Authorization` for a write key.
fn basic(key: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{key}:")))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
