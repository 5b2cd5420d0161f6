//! A file system that can be forced read-only while files on it are open for writing, as a kernel does when a disk fails: an ext4 in
//! a file, mounted in a namespace of its own. Needs root and loop devices.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Small, and enough for ext4's own journal.
const BYTES: u64 = 64 << 20;

pub(crate) struct Ext4 {
    holder: Child,
    image: PathBuf,
    mount: PathBuf,
}

impl Ext4 {
    /// Mounts one at `mount`; `None` where it may not be done.
    pub(crate) fn mount(mount: &Path) -> Option<Self> {
        fs::create_dir_all(mount).unwrap();
        let image = mount.with_extension("ext4");
        File::create(&image).unwrap().set_len(BYTES).unwrap();
        const SCRIPT: &str = "mkfs.ext4 -q \"$1\" && mount -o loop \"$1\" \"$0\" && echo mounted && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-c", SCRIPT])
            .args([mount, &image])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut said = [0; 7];
        let mut stdout = holder.stdout.take().unwrap();
        let mounted = std::io::Read::read_exact(&mut stdout, &mut said).is_ok() && said == *b"mounted";
        let disk = Ext4 { holder, image, mount: mount.to_owned() };
        mounted.then_some(disk)
    }

    /// What runs a command that sees it.
    pub(crate) fn runner(&self) -> Vec<String> {
        ["nsenter", "--mount", "--target", &self.holder.id().to_string()].map(str::to_owned).to_vec()
    }

    /// Has the kernel give it up: from now on it is read-only, for open files too.
    pub(crate) fn fail(&self) {
        assert_eq!(self.run("mount -o remount,abort \"$0\""), Some(0), "it cannot be forced read-only");
    }

    /// What a person does about it, while nobody uses it.
    pub(crate) fn repair(&self) {
        // 1 is `repaired`.
        let code =
            self.run("umount \"$0\" || exit 9; e2fsck -fp \"$1\" >&2; [ $? -le 1 ] && mount -o loop \"$1\" \"$0\"");
        assert_eq!(code, Some(0), "it cannot be repaired");
    }

    fn run(&self, script: &str) -> Option<i32> {
        let runner = self.runner();
        let mut command = Command::new(&runner[0]);
        command.args(&runner[1..]).args(["sh", "-c", script]).args([&self.mount, &self.image]);
        command.status().unwrap().code()
    }
}

impl Drop for Ext4 {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
