//! A host in this process, on real sockets and a real disk, diverted to a receiver.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tagyard::container;
use tagyard::dead_letters::DeadLetter;
use tagyard::deliver::Divert;
use tagyard::host::{Host, Setup};
use tagyard::outcomes::Recorded;
use tempfile::TempDir;
use tokio::sync::broadcast;

use crate::client::Client;
use crate::receiver::Receiver;

/// A container with one write key, `key`, before its tags.
pub const HEAD: &str = "name = \"test\"\n[collect]\nwrite_keys = [\"key\"]\norigins = [\"https://shop.example\"]\n";

pub struct TestHost {
    pub host: Host,
    pub client: Client,
    pub outcomes: broadcast::Receiver<Arc<Recorded>>,
    data: TempDir,
}

impl TestHost {
    /// Starts a host with the tags of a TOML text; paths in it are relative to `base`.
    pub async fn start(tags: &str, base: &Path, receiver: &Receiver) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder"), tags, base, receiver).await
    }

    /// The same, on the data of a host that was stopped.
    pub async fn start_in(data: TempDir, tags: &str, base: &Path, receiver: &Receiver) -> Self {
        Self::start_diverted(data, tags, base, Some(&receiver.url())).await
    }

    /// The same, diverted to any URL, or not at all.
    pub async fn start_diverted(data: TempDir, tags: &str, base: &Path, divert: Option<&str>) -> Self {
        Self::start_whole(data, &format!("{HEAD}{tags}"), base, divert).await
    }

    /// Starts a host with the whole text of a container.
    pub async fn start_whole(data: TempDir, text: &str, base: &Path, divert: Option<&str>) -> Self {
        let loaded = container::parse("test.toml", text, base, secret).unwrap_or_else(|report| panic!("{report}"));
        let setup = Setup {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data_dir: data.path().to_owned(),
            divert: divert.map(|url| Divert::parse(url).expect("a URL")),
            env: secret,
        };
        let host = Host::start(&loaded, setup).await.unwrap_or_else(|error| panic!("{error}"));
        TestHost { client: Client::new(host.address()), outcomes: host.watch(), host, data }
    }

    /// The next `count` outcomes, in the order of event and tag.
    pub async fn outcomes(&mut self, count: usize) -> Vec<Arc<Recorded>> {
        let mut recorded = Vec::new();
        while recorded.len() < count {
            let next = tokio::time::timeout(Duration::from_secs(60), self.outcomes.recv()).await;
            let next = next.unwrap_or_else(|_| panic!("{count} outcomes were expected, and {recorded:#?} came"));
            recorded.push(next.expect("an outcome"));
        }
        recorded.sort_by(|a, b| (a.position, &a.tag).cmp(&(b.position, &b.tag)));
        recorded
    }

    pub async fn dead_letters(&self) -> Vec<DeadLetter> {
        let mut letters = Vec::new();
        let mut from = 1;
        loop {
            let read = self.host.dead_letters().read_from(from).await.expect("dead letters");
            let Some((last, _)) = read.last() else { return letters };
            from = last + 1;
            letters.extend(read.into_iter().map(|(_, letter)| letter));
        }
    }

    pub fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// Stops the host and gives back its data.
    pub async fn stop(self) -> TempDir {
        self.host.stop().await;
        self.data
    }
}

/// Every secret is its variable's name with `value-of-` before it.
pub fn secret(name: &str) -> Option<String> {
    Some(format!("value-of-{name}"))
}
