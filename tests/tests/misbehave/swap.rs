//! Swapping out this very process, which needs root, space on a disk and the kernel's memory groups, of either version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SPACE: &str = "128M";

/// Space to swap to. Given back when it is dropped.
pub(crate) struct Swap {
    file: PathBuf,
}

impl Swap {
    pub(crate) fn on(folder: &Path) -> Option<Self> {
        let file = folder.join("swap");
        let path = file.to_str()?;
        run("fallocate", &["-l", SPACE, path])?;
        run("chmod", &["600", path])?;
        run("mkswap", &[path])?;
        run("swapon", &[path])?;
        Some(Swap { file })
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        let _ = Command::new("swapoff").arg(&self.file).status();
    }
}

/// A group for this process' memory, what it takes from now on. The process goes back when it is dropped.
pub(crate) struct Group {
    folder: PathBuf,
    /// What is written to which file to swap out all that the group has.
    reclaim: (&'static str, &'static str),
    before: PathBuf,
}

impl Group {
    pub(crate) fn enter() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let of = |controller: &str| {
            groups.lines().find_map(|line| {
                let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
                (controllers == controller).then(|| path.trim_start_matches('/').to_owned())
            })
        };
        let (base, of_ours, reclaim) = match of("memory") {
            Some(of_ours) => ("/sys/fs/cgroup/memory", of_ours, ("memory.force_empty", "0")),
            None => ("/sys/fs/cgroup", of("")?, ("memory.reclaim", "64M")),
        };
        let before = Path::new(base).join(of_ours);
        let folder = Path::new(base).join(format!("tagyard-test-{}", std::process::id()));
        fs::create_dir(&folder).ok()?;
        let group = Group { folder, reclaim, before };
        group.folder.join(reclaim.0).exists().then_some(())?;
        fs::write(group.folder.join("cgroup.procs"), "0").ok()?;
        Some(group)
    }

    /// Swaps out what it can; whether that was a megabyte at least.
    pub(crate) fn swap_out(&self) -> bool {
        // It fails where not all could be, such as pages in use.
        let _ = fs::write(self.folder.join(self.reclaim.0), self.reclaim.1);
        let status = fs::read_to_string("/proc/self/status").expect("a status");
        let swapped = status.lines().find_map(|line| line.strip_prefix("VmSwap:"));
        let kib = swapped.and_then(|swapped| swapped.trim().trim_end_matches(" kB").parse::<usize>().ok());
        kib.is_some_and(|kib| kib >= 1024)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::write(self.before.join("cgroup.procs"), "0");
        let _ = fs::remove_dir(&self.folder);
    }
}

fn run(program: &str, arguments: &[&str]) -> Option<()> {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.ok()?.success().then_some(())
}
