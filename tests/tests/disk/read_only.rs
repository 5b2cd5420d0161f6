//! A disk that turns read-only under a running host.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use http::StatusCode;
use tagyard_tests::command::Served;
use tagyard_tests::real::was_not_real;

use crate::ext4::Ext4;
use crate::writing::{Fault, FileSize, check, check_delivery};
use crate::{Vendor, accept, event, folder};

/// Neither files nor folders take anything, open ones neither, until that is lifted: the kernel's attribute, which root may set on
/// most file systems.
struct Immutable<'f>(&'f Path);

impl Immutable<'_> {
    /// `None` where it may not be set, or is not obeyed.
    fn new(folder: &Path) -> Option<Immutable<'_>> {
        let probe = folder.join("probe");
        let open = std::fs::File::create(&probe).unwrap();
        let is_set = chattr("+i", &probe);
        let is_obeyed = is_set && std::io::Write::write(&mut &open, b"x").is_err();
        (chattr("-i", &probe) && is_obeyed).then_some(Immutable(folder))
    }
}

impl Fault for Immutable<'_> {
    fn runner(&self) -> Vec<String> {
        Vec::new()
    }
    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
    fn set(&self, _served: &Served) {
        assert!(chattr("+i", &self.data()), "it cannot be set");
    }
    fn lift(&self, _served: &Served) {
        assert!(chattr("-i", &self.data()), "it cannot be lifted");
    }
}

impl Drop for Immutable<'_> {
    /// The folder has to be removable, whatever became of the test.
    fn drop(&mut self) {
        chattr("-i", &self.data());
    }
}

fn chattr(how: &str, path: &Path) -> bool {
    // It says of a socket that it cannot, and goes on.
    let status = Command::new("chattr").args(["-R", "-f", how]).arg(path).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.code().is_some()) && lsattr(path).is_some_and(|is| is == (how == "+i"))
}

/// Whether it has the attribute; `None` where that is not known.
fn lsattr(path: &Path) -> Option<bool> {
    let output = Command::new("lsattr").arg("-d").arg(path).output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.split_whitespace().next()?.contains('i'))
}

#[tokio::test]
async fn a_disk_that_turns_read_only_refuses_events_and_takes_them_when_it_is_writable() {
    let folder = folder();
    match Immutable::new(folder.path()) {
        Some(fault) => check(&fault, folder.path()).await,
        None => {
            was_not_real(
                "a disk that is read-only for a while",
                "no file could grow, since attributes may not be set here",
            );
            check(&FileSize(folder.path()), folder.path()).await;
        }
    }
}

#[tokio::test]
async fn delivery_goes_on_while_the_disk_is_read_only() {
    let folder = folder();
    match Immutable::new(folder.path()) {
        Some(fault) => check_delivery(&fault, folder.path()).await,
        None => {
            was_not_real("delivery on a read-only disk", "no file could grow, since attributes may not be set here");
            check_delivery(&FileSize(folder.path()), folder.path()).await;
        }
    }
}

/// A kernel that gives a file system up does not take it back: the host delivers what it has, and acknowledges nothing, until a
/// person has repaired the disk.
#[tokio::test]
async fn on_a_file_system_that_the_kernel_gave_up_nothing_that_was_acknowledged_is_lost() {
    const KEPT: usize = 5;
    let folder = folder();
    let Some(disk) = Ext4::mount(&folder.path().join("data")) else {
        was_not_real(
            "a file system that the kernel gave up",
            "not run, since none may be mounted here: it needs root and loop devices",
        );
        return;
    };
    let vendor = Vendor::start().await;
    vendor.set_ill(true);
    let (container, data) = (folder.path().join("disk.toml"), folder.path().join("data"));
    let options =
        [container.to_str().unwrap(), "--data-dir", data.to_str().unwrap(), "--divert", &vendor.receiver.url()];
    let served = Served::start_by(&disk.runner(), folder.path(), &options).await;
    for number in 0..KEPT {
        accept(&served, &format!("kept-{number}")).await;
    }
    vendor.receiver.wait_for(1).await;

    disk.fail();
    let mut during = event("during");
    during["writeKey"] = "key".into();
    for _ in 0..3 {
        let answer = served.client.post("/v1/track", &during).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
        assert_eq!(answer.json()["code"], "not_durable");
        assert!(answer.headers.contains_key("retry-after"));
    }
    assert_eq!(served.client.get("/healthz").await.status, StatusCode::OK);
    assert_eq!(served.client.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    vendor.set_ill(false);
    vendor.takes(KEPT).await;
    served.logged("outcomes cannot be written; trying again").await;
    // Nor does it hold up who wants to repair it.
    let (status, log) = served.terminate().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("outcomes could not be written before the stop"), "{log}");

    disk.repair();
    let served = Served::start_by(&disk.runner(), folder.path(), &options).await;
    accept(&served, "after").await;
    // What has no outcome on disk is delivered again.
    vendor.takes(2 * KEPT + 1).await;
    let (status, log) = served.terminate().await;
    assert_eq!(status.code(), Some(0), "{log}");
    let received = vendor.receiver.received();
    let ids: BTreeSet<String> =
        received.iter().map(|received| received.json()["messageId"].as_str().unwrap().to_owned()).collect();
    let expected = (0..KEPT).map(|number| format!("kept-{number}")).chain(["after".to_owned()]);
    assert_eq!(ids, expected.collect());
}
