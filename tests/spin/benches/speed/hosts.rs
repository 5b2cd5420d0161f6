//! The two hosts, with the same container.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tagyard_spin_tests::command::Served;
use tagyard_spin_tests::spin::{Spin, runtimes};
use tagyard_spin_tests::{built, top};
use tempfile::TempDir;

use crate::load::{self, Round};
use crate::vendor::Vendor;

pub(crate) struct Both {
    tags: u64,
    native: Served,
    spin: Spin,
    vendors: [Vendor; 2],
    _folders: [TempDir; 2],
    pub(crate) native_is: String,
    pub(crate) spin_is: String,
}

impl Both {
    pub(crate) async fn start(tags: usize) -> Self {
        let container = container(tags);
        let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        let vendors = [Vendor::start().await, Vendor::start().await];
        let to = vendors.each_ref().map(|vendor| format!("http://{}", vendor.address));
        std::fs::write(folders[0].path().join("container.toml"), &container).expect("a file");
        let command = command();
        let options = ["container.toml", "--divert", &to[0], "--no-watch"];
        let env = [("GA4_API_SECRET", "value")];
        let native = Served::start_of(&command, folders[0].path(), &env, &options).await;
        let runtime = runtimes().pop().expect("at least the stand-in");
        let spin = Spin::start(&runtime, folders[1].path(), &container, &to[1]).await;
        let top = top().canonicalize().expect("a path");
        let native_is = command.strip_prefix(top).unwrap_or(&command).display().to_string();
        Both {
            tags: tags as u64,
            native,
            spin,
            vendors,
            _folders: folders,
            native_is,
            spin_is: runtime.version().await,
        }
    }

    /// Loads the one, then the other; each until the last event is delivered.
    pub(crate) async fn round(&mut self, round: u64) -> [Round; 2] {
        let native = self.one(0, self.native.address, round).await;
        let spin = self.one(1, self.spin.address, round).await;
        [native, spin]
    }

    async fn one(&self, host: usize, address: SocketAddr, round: u64) -> Round {
        let vendor = &self.vendors[host];
        let (had, begun) = (vendor.had(), Instant::now());
        let latencies = load::send(address, round).await;
        let sending = begun.elapsed();
        let events = latencies.len() as u64;
        let stalled = async || {
            if host == 1 {
                // What could not be run at once is the drain's.
                self.spin.operate("POST", "/tagyard/drain").await;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        vendor.wait_for(had + events * self.tags, stalled).await;
        let rate = |time: Duration| events as f64 / time.as_secs_f64();
        Round { accepted_per_second: rate(sending), delivered_per_second: rate(begun.elapsed()), latencies }
    }
}

/// So many tags that send every event.
fn container(tags: usize) -> String {
    let mut container = "name = \"bench\"\n\n[collect]\nwrite_keys = [\"key\"]\n".to_owned();
    for tag in 1..=tags {
        // Writing into memory cannot fail.
        let _ = write!(
            container,
            r#"
[[tag]]
name = "ga4-n{tag}"
use = "ga4"
settings = {{ measurement_id = "G-ABC{tag}" }}
secrets = {{ api_secret = {{ env = "GA4_API_SECRET" }} }}
"#
        );
    }
    container
}

/// What `TAGYARD` names, or the release build beside this one.
fn command() -> PathBuf {
    let release = || built::target().join("release/tagyard");
    let command = std::env::var_os("TAGYARD").map_or_else(release, PathBuf::from);
    let is_there = Path::new(&command).is_file();
    assert!(is_there, "{} is missing: run `cargo build --release`, or name it by `TAGYARD`", command.display());
    command.canonicalize().expect("a path")
}
