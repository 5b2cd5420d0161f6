//! The admin socket: how the commands ask a running host. It is a Unix socket in the data directory that only the host's own
//! user may open, so it needs no token and no port.

mod client;
mod dead;
mod status;
mod vendors;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::net::UnixListener;
use tokio::task::JoinHandle;

use crate::dead_letters::DeadLetters;
use crate::deliver::Network;
use crate::journal::EventJournal;
use crate::live::Live;
use crate::outcomes::Recorder;

pub use client::{AskError, ask};
pub use dead::{Filter, Numbered, list};
pub use status::{Status, TagStatus};
pub use vendors::{BreakerStatus, Vendor};

/// What the admin socket tells of.
pub struct Facts {
    pub live: Arc<Live>,
    pub network: Arc<Network>,
    pub journal: EventJournal,
    pub letters: DeadLetters,
    pub recorder: Recorder,
}

/// The serving socket; its file is removed when it stops.
pub struct Admin {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Admin {
    /// Where the socket of a data directory is.
    pub fn socket(data_dir: &Path) -> PathBuf {
        data_dir.join("admin.sock")
    }

    /// Starts serving. The caller holds the data directory's locks, so a socket that is there already is one that a crash left.
    ///
    /// # Errors
    /// When the socket cannot be made, as on a path that is too long for one.
    pub fn start(data_dir: &Path, facts: Arc<Facts>) -> io::Result<Self> {
        let path = Self::socket(data_dir);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let router =
            Router::new().route("/status", get(status::show)).route("/dead", get(dead::show)).with_state(facts);
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the admin socket ended");
            }
        });
        Ok(Admin { path, task })
    }

    pub async fn stop(self) {
        self.task.abort();
        // What it was serving holds the recorder until it has ended.
        let _ = self.task.await;
        let _ = fs::remove_file(&self.path);
    }
}
