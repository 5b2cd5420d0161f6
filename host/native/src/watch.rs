//! Watches a container's files, and has the host take it again when they change or when SIGHUP comes.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::signal::unix::Signal;

use crate::container::{self, Environment, Loaded, Report};
use crate::reload::{ReloadError, Reloader};

/// How often the files are looked at. They are polled, since a kernel's notices of changes do not cover network disks, and on a
/// symlink, as Kubernetes mounts its config maps by, tell of the link and not of what it comes to lead to.
pub(crate) const POLL_EVERY: Duration = Duration::from_secs(2);

/// The files of a container, and when each was changed and how long it is; `None` where there is none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    files: Vec<(PathBuf, Option<Stamp>)>,
}

type Stamp = (SystemTime, u64);

/// Where a running host's container comes from.
pub struct Source {
    pub container: PathBuf,
    pub env: Environment,
    /// Whether the files are looked at, or only SIGHUP is waited for.
    pub poll: bool,
    /// As they were before the container in force was loaded.
    pub seen: Seen,
}

impl Seen {
    /// The files as they are now: the container's, and those that it names. Taken before a load, so that no change after
    /// it is missed. Blocks on the disk.
    pub fn now(container: &Path) -> Self {
        let paths = std::iter::once(container.to_owned()).chain(container::files(container));
        Seen { files: paths.map(stamped).collect() }
    }

    pub(crate) fn again(&self) -> Self {
        Seen { files: self.files.iter().map(|(path, _)| stamped(path.clone())).collect() }
    }
}

/// Runs until the host stops.
pub async fn follow(mut source: Source, mut hangup: Signal, reloader: Reloader) {
    loop {
        tokio::select! {
            Some(()) = hangup.recv() => tracing::info!("SIGHUP: the container is read again"),
            () = changed(&source.seen), if source.poll => tracing::info!("the container's files have changed: it is read again"),
            else => return,
        }
        let (path, env) = (source.container.clone(), source.env);
        let loading = tokio::task::spawn_blocking(move || load(&path, env));
        let Ok((seen, found)) = loading.await else { return };
        source.seen = seen;
        // Whatever else was wrong has been logged.
        if let Err(ReloadError::Stopping) = reloader.reload(found).await {
            return;
        }
    }
}

/// Waits until the files are others than they were, and have been the same for one poll: one that is still being written is
/// not taken.
async fn changed(seen: &Seen) {
    let mut before = seen.clone();
    loop {
        tokio::time::sleep(POLL_EVERY).await;
        let look = seen.clone();
        let Ok(now) = tokio::task::spawn_blocking(move || look.again()).await else { continue };
        if now != *seen && now == before {
            return;
        }
        before = now;
    }
}

fn load(path: &Path, env: Environment) -> (Seen, Result<Loaded, Report>) {
    (Seen::now(path), container::load(path, env))
}

fn stamped(path: PathBuf) -> (PathBuf, Option<Stamp>) {
    // Follows symlinks. A pipe, as a shell's `<(…)` makes one, is not watched.
    let metadata = path.metadata().ok().filter(Metadata::is_file);
    let stamp = metadata.and_then(|metadata| Some((metadata.modified().ok()?, metadata.len())));
    (path, stamp)
}
