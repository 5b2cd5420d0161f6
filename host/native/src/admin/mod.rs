//! The admin socket: how the commands ask a running host. It is a Unix socket in the data directory that only the host's own
//! user may open, so it needs no token and no port.

mod again;
mod client;
mod dead;
mod forget;
mod history;
mod serve;
mod status;
mod tail;
mod vendors;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::{get, post};
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::dead_letters::DeadLetters;
use crate::deliver::Network;
use crate::identity::Links;
use crate::journal::{EventJournal, Log};
use crate::live::Live;
use crate::outcomes::Recorder;
use crate::reload::Reloader;

pub use client::{AskError, Lines, ask, ask_bytes, tell};
pub use dead::{Filter, Numbered, list};
pub use history::{decode_page, page};
pub use status::{Status, TagStatus};
pub use tail::Line;
pub use vendors::{BreakerStatus, Vendor};

/// What the admin socket tells of.
pub struct Facts {
    pub live: Arc<Live>,
    pub network: Arc<Network>,
    pub journal: EventJournal,
    pub letters: DeadLetters,
    pub outcomes: Log,
    pub sent: Log,
    pub recorder: Recorder,
    pub reloader: Reloader,
    pub links: Links,
}

/// The serving socket; its file is removed when it stops.
pub struct Admin {
    path: PathBuf,
    asking: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
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
        let router = Router::new()
            .route("/status", get(status::show))
            .route("/dead", get(dead::show))
            .route("/dead/redrive", post(again::redrive))
            .route("/dead/drop", post(again::drop_letters))
            .route("/replay", post(again::replay))
            .route("/forget", post(forget::forget))
            .route("/links", post(forget::links))
            .route("/again", get(again::reruns))
            .route("/history/{part}", get(history::show))
            .route("/history/{part}/extent", get(history::extent))
            .route("/events/tail", get(tail::follow))
            .with_state(facts);
        Self::serve(data_dir, router)
    }

    /// The same with other answers.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub(crate) fn serve(data_dir: &Path, router: Router) -> io::Result<Self> {
        let path = Self::socket(data_dir);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let (stop, stopping) = oneshot::channel();
        let asking = Arc::<AtomicUsize>::default();
        let task = tokio::spawn(serve::serve(listener, router, asking.clone(), stopping));
        Ok(Admin { path, asking, stop, task })
    }

    /// Whether anybody is connected.
    pub(crate) fn is_asked(&self) -> bool {
        self.asking.load(Ordering::Relaxed) > 0
    }

    pub async fn stop(self) {
        // What it is serving holds the recorder until it has ended, which it has after this.
        let _ = self.stop.send(());
        let _ = self.task.await;
        let _ = fs::remove_file(&self.path);
    }
}
