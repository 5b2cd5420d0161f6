//! A small disk of a test's own: a tmpfs in a mount namespace that a process holds, where the system allows that.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(crate) struct SmallDisk {
    holder: Child,
    /// Where it is mounted, in its namespace.
    mount: PathBuf,
}

impl SmallDisk {
    /// Mounts one of 48 MiB at `mount`; `None` where it may not be done.
    pub(crate) fn mount(mount: &Path) -> Option<Self> {
        fs::create_dir_all(mount).unwrap();
        const SCRIPT: &str = "mount -t tmpfs -o size=48m,mode=0755 tmpfs \"$0\" && echo mounted && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "--propagation", "private", "sh", "-c", SCRIPT])
            .arg(mount)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut said = [0; 7];
        let mut stdout = holder.stdout.take().unwrap();
        let mounted = std::io::Read::read_exact(&mut stdout, &mut said).is_ok() && said == *b"mounted";
        let disk = SmallDisk { holder, mount: mount.to_owned() };
        mounted.then_some(disk)
    }

    /// What runs a command that sees it.
    pub(crate) fn runner(&self) -> Vec<String> {
        let target = self.holder.id().to_string();
        ["nsenter", "--user", "--mount", "--preserve-credentials", "--target", &target].map(str::to_owned).to_vec()
    }

    /// It as this process sees it.
    pub(crate) fn path(&self) -> PathBuf {
        let mount = self.mount.strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(mount)
    }

    /// Writes until not a byte more goes on it.
    pub(crate) fn fill(&self) {
        let mut filler = File::create(self.path().join("filler")).unwrap();
        for piece in [64 << 10, 1 << 10, 1] {
            while filler.write_all(&vec![0; piece]).is_ok() {}
        }
    }

    pub(crate) fn empty(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }

    /// Makes it read-only, or writable again; only while nobody has a file on it open for writing. It is the mount that changes,
    /// and not the file system: that a user without privileges may do.
    pub(crate) fn remount(&self, how: &str) {
        let runner = self.runner();
        let status = Command::new(&runner[0])
            .args(&runner[1..])
            .args(["mount", "-o", &format!("remount,bind,{how}")])
            .arg(&self.mount)
            .status();
        assert!(status.unwrap().success(), "it cannot be remounted");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
