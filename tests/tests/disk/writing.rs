//! A disk that takes no more.

use std::collections::BTreeMap;
use std::path::Path;

use http::StatusCode;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::json;
use tagyard_tests::command::Served;
use tagyard_tests::real::was_not_real;

use crate::disk::SmallDisk;
use crate::{Vendor, accept, dead_letters, delivered, event, folder};

/// How a disk comes to take nothing, and to take something again.
pub(crate) trait Fault {
    fn runner(&self) -> Vec<String>;
    fn data(&self) -> std::path::PathBuf;
    fn set(&self, served: &Served);
    fn lift(&self, served: &Served);
}

impl Fault for SmallDisk {
    fn runner(&self) -> Vec<String> {
        self.runner()
    }
    fn data(&self) -> std::path::PathBuf {
        self.path()
    }
    fn set(&self, _served: &Served) {
        self.fill();
    }
    fn lift(&self, _served: &Served) {
        self.empty();
    }
}

/// No file may grow, which the system also tells the process by a signal that ends it by default.
pub(crate) struct FileSize<'f>(pub(crate) &'f Path);

impl Fault for FileSize<'_> {
    fn runner(&self) -> Vec<String> {
        Vec::new()
    }
    fn data(&self) -> std::path::PathBuf {
        self.0.join("data")
    }
    fn set(&self, served: &Served) {
        limit(served, Some(0));
    }
    fn lift(&self, served: &Served) {
        limit(served, None);
    }
}

fn limit(served: &Served, current: Option<u64>) {
    let process = Pid::from_raw(served.id().cast_signed());
    prlimit(process, Resource::Fsize, Rlimit { current, maximum: None }).expect("the limit is set");
}

/// How often the vendor took each event.
fn taken(vendor: &Vendor) -> BTreeMap<String, usize> {
    let mut taken = BTreeMap::new();
    for received in vendor.receiver.received().iter().filter(|received| received.host == "hook.example") {
        *taken.entry(received.json()["messageId"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    taken
}

pub(crate) async fn check(fault: &dyn Fault, folder: &Path) {
    let vendor = Vendor::start().await;
    let (container, data) = (folder.join("disk.toml"), folder.join("data"));
    let options =
        [container.to_str().unwrap(), "--data-dir", data.to_str().unwrap(), "--divert", &vendor.receiver.url()];
    let served = Served::start_by(&fault.runner(), folder, &options).await;
    for number in 0..5 {
        accept(&served, &format!("before-{number}")).await;
    }
    vendor.receiver.wait_for(5).await;

    fault.set(&served);
    for attempt in 0..3 {
        // More than is left of the journal's last page, which it has already.
        let mut event = event("during");
        event["properties"] = json!({"padding": "x".repeat(20_000)});
        event["writeKey"] = "key".into();
        let answer = served.client.post("/v1/track", &event).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "attempt {attempt}: {}", answer.text());
        assert_eq!(
            (answer.json()["code"].as_str(), answer.headers.contains_key("retry-after")),
            (Some("not_durable"), true)
        );
        assert_eq!(served.client.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(served.client.get("/healthz").await.status, StatusCode::OK);
    }
    // Duplicates are on disk already, and so they are acknowledged.
    accept(&served, "before-0").await;

    fault.lift(&served);
    accept(&served, "during").await;
    accept(&served, "after").await;
    assert_eq!(served.client.get("/readyz").await.status, StatusCode::OK);
    vendor.receiver.wait_for(7).await;
    let (status, log) = served.terminate().await;
    assert_eq!(status.code(), Some(0), "{log}");

    let expected = (0..5).map(|number| format!("before-{number}")).chain(["during".into(), "after".into()]);
    assert_eq!(taken(&vendor), expected.map(|id| (id, 1)).collect());
}

const EVENTS: usize = 80;

/// Deliveries go on while nothing can be written, outcomes and dead letters included; none is repeated, and all are recorded when there
/// is room.
pub(crate) async fn check_delivery(fault: &dyn Fault, folder: &Path) {
    let vendor = Vendor::start().await;
    vendor.set_ill(true);
    let (container, data) = (folder.join("disk.toml"), folder.join("data"));
    let options =
        [container.to_str().unwrap(), "--data-dir", data.to_str().unwrap(), "--divert", &vendor.receiver.url()];
    let served = Served::start_by(&fault.runner(), folder, &options).await;
    // So many that their outcomes are more than a page.
    let batch: Vec<_> = (0..EVENTS).map(|number| event(&format!("e-{number}"))).collect();
    let answer = served.client.post("/v1/batch", &json!({"writeKey": "key", "batch": batch})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    vendor.receiver.wait_for(1).await;
    fault.set(&served);
    vendor.set_ill(false);
    vendor.takes(EVENTS).await;
    served.logged("outcomes cannot be written; trying again").await;
    fault.lift(&served);
    served.logged("appends succeed again").await;
    let mut refused = event("refused");
    refused["event"] = "Refused".into();
    refused["writeKey"] = "key".into();
    assert_eq!(served.client.post("/v1/track", &refused).await.status, StatusCode::OK);
    let recorded = async {
        while delivered(&fault.data(), "hook").await < EVENTS as u64 + 1 || dead_letters(&fault.data()).await < 1 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), recorded).await.expect("everything is recorded");
    let (status, log) = served.terminate().await;
    assert_eq!(status.code(), Some(0), "{log}");

    // What was recorded is not run again.
    let served = Served::start_by(&fault.runner(), folder, &options).await;
    accept(&served, "last").await;
    vendor.takes(EVENTS + 2).await;
    served.terminate().await;
    assert_eq!(vendor.taken(), EVENTS + 2);
}

/// Runs both with a disk that is full, where one may be mounted.
fn small_disk(folder: &Path) -> Option<SmallDisk> {
    let disk = SmallDisk::mount(&folder.join("data"));
    if disk.is_none() {
        was_not_real(
            "a full or read-only disk",
            "not run, since no disk may be mounted here: it needs user namespaces",
        );
    }
    disk
}

#[tokio::test]
async fn a_full_disk_refuses_events_and_takes_them_when_there_is_room() {
    let folder = folder();
    if let Some(disk) = small_disk(folder.path()) {
        check(&disk, folder.path()).await;
    }
}

#[tokio::test]
async fn a_limit_on_files_refuses_events_and_takes_them_when_it_is_lifted() {
    let folder = folder();
    check(&FileSize(folder.path()), folder.path()).await;
}

#[tokio::test]
async fn delivery_goes_on_while_the_disk_is_full() {
    let folder = folder();
    if let Some(disk) = small_disk(folder.path()) {
        check_delivery(&disk, folder.path()).await;
    }
}

#[tokio::test]
async fn delivery_goes_on_while_no_file_may_grow() {
    let folder = folder();
    check_delivery(&FileSize(folder.path()), folder.path()).await;
}

/// Killed, and started again, with a disk that is full all the while: what is in the journal is delivered.
#[tokio::test]
async fn a_host_starts_and_delivers_on_a_full_disk() {
    let folder = folder();
    let Some(disk) = small_disk(folder.path()) else { return };
    let vendor = Vendor::start().await;
    vendor.set_ill(true);
    let (container, data) = (folder.path().join("disk.toml"), folder.path().join("data"));
    let options =
        [container.to_str().unwrap(), "--data-dir", data.to_str().unwrap(), "--divert", &vendor.receiver.url()];
    let served = Served::start_by(&disk.runner(), folder.path(), &options).await;
    accept(&served, "kept").await;
    vendor.receiver.wait_for(1).await;
    disk.fill();
    served.kill().await;
    vendor.set_ill(false);
    let served = Served::start_by(&disk.runner(), folder.path(), &options).await;
    vendor.takes(1).await;
    disk.empty();
    accept(&served, "after").await;
    vendor.takes(2).await;
    served.terminate().await;
    assert_eq!(vendor.taken(), 2);
}

/// A disk that came up read-only: the host says so instead of pretending, and delivers once it can be written.
#[tokio::test]
async fn on_a_read_only_disk_a_host_says_so_and_nothing_is_lost() {
    let folder = folder();
    let Some(disk) = small_disk(folder.path()) else { return };
    let vendor = Vendor::start().await;
    vendor.set_ill(true);
    let (container, data) = (folder.path().join("disk.toml"), folder.path().join("data"));
    let options =
        [container.to_str().unwrap(), "--data-dir", data.to_str().unwrap(), "--divert", &vendor.receiver.url()];
    let served = Served::start_by(&disk.runner(), folder.path(), &options).await;
    accept(&served, "kept").await;
    vendor.receiver.wait_for(1).await;
    served.kill().await;
    vendor.set_ill(false);
    disk.remount("ro");
    let (code, stderr) = tagyard_tests::command::run_by(&disk.runner(), folder.path(), &options).await;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("the data directory cannot be used") && stderr.contains("Read-only"), "{stderr}");
    disk.remount("rw");
    let served = Served::start_by(&disk.runner(), folder.path(), &options).await;
    vendor.takes(1).await;
    served.terminate().await;
}
