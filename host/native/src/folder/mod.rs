//! Several containers in one process: each file of a folder is one. They share the listener, the sandbox and the connections to the
//! vendors; journal, letters, outcomes, tags, limits and retention are each one's own, in a data directory of its own below the
//! host's.
//!
//! A container is put to work when it is first asked for, or at the start where it has work left, and let go when it has nothing left
//! to do. Whatever is wrong with one costs that one only.

mod follow;
mod front;
mod member;
mod rest;
mod status;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::admin::Admin;
use crate::base::Base;
use crate::collect::Server;
use crate::container::Clashing;
use crate::host::{HostError, Setup};
use crate::journal::{DirLock, OpenError};
use crate::limits::VISIT_EVERY;
use follow::Folder;
use front::Front;
use member::Common;
use status::Told;

pub use status::{Doing, FolderStatus, MemberStatus};

/// A running host of a folder of containers.
pub struct FolderHost {
    server: Server,
    admin: Admin,
    front: Arc<Front>,
    resting: JoinHandle<()>,
    /// How many containers there are.
    pub containers: usize,
    _lock: DirLock,
}

/// What such a host is started with.
#[derive(Debug)]
pub struct FolderSetup {
    pub folder: PathBuf,
    pub host: Setup,
    /// After how long without a request a container that has nothing left to do is let go.
    pub rest_after: Duration,
}

/// The folder's files, which are to be [followed](Changes::follow).
pub struct Changes {
    folder: Folder,
}

/// Why such a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("the folder {} cannot be read: {error}", folder.display())]
    Unreadable { folder: PathBuf, error: std::io::Error },
    #[error("there is no container file in {}: each `*.toml` in it is one", .0.display())]
    Empty(PathBuf),
    #[error("the containers do not go together:\n{}", lines(.0))]
    Clashing(Vec<Clashing>),
    #[error("none of the container files can be used:\n{0}")]
    NoneGood(String),
    #[error(
        "{} is the data directory of a single container: move what is in it to a folder below it that has the container's name, or give another one",
        .0.display()
    )]
    OfOne(PathBuf),
    #[error("the data directory cannot be used: {0}")]
    Data(#[from] OpenError),
    #[error(transparent)]
    Host(#[from] HostError),
}

impl FolderHost {
    /// Starts a host: looks through the folder, puts to work what has work left, and listens.
    ///
    /// # Errors
    /// When the folder has no container that can be served, or two that do not go together; or the data directory is in use. Mistakes in
    /// one file keep that container alone from being served.
    pub async fn start(setup: FolderSetup) -> Result<(Self, Changes), FolderError> {
        let FolderSetup { folder, host, rest_after } = setup;
        let data = host.data_dir;
        if data.join("journal").is_dir() && data.join("outcomes").is_dir() {
            return Err(FolderError::OfOne(data));
        }
        let lock = DirLock::acquire(&data)?;
        let base = Base::start(&data.join("compiled"), host.divert, host.env, true)?;
        let common = Arc::new(Common::new(base));
        let front = Arc::new(Front { table: ArcSwap::default(), common: common.clone() });
        let told = Arc::new(Told::new(front.clone()));
        let folder = Folder::open(folder, data.clone(), told.clone()).await?;
        let listener = TcpListener::bind(host.listen).await;
        let listener = listener.map_err(|error| HostError::Listen { address: host.listen, error })?;
        let admin = Admin::serve(&data, told.router()).map_err(HostError::Admin)?;
        folder.take_up().await;
        let routes = Arc::new(ArcSwap::from_pointee(front.clone().router()));
        let server = Server::start_with(listener, routes);
        let server = server.map_err(|error| HostError::Listen { address: host.listen, error })?;
        let resting = tokio::spawn(let_rest(front.clone(), rest_after));
        let containers = front.table.load().members.len();
        Ok((FolderHost { server, admin, front, resting, containers, _lock: lock }, Changes { folder }))
    }

    pub fn address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// Stops all containers at once, as a host stops.
    pub async fn stop(self) {
        self.server.stop().await;
        self.resting.abort();
        let _ = self.resting.await;
        self.admin.stop().await;
        let table = self.front.table.load_full();
        let retiring = table.members.iter().map(|(member, _)| member.retire());
        futures_util::future::join_all(retiring).await;
    }
}

impl Changes {
    /// Takes changed, new and removed files until the host stops: when the files change, if they are to be looked at, and at SIGHUP.
    pub async fn follow(self, hangup: Signal, poll: bool) {
        self.folder.follow(hangup, poll).await;
    }
}

/// Lets containers rest, and has those that rest looked after from time to time.
async fn let_rest(front: Arc<Front>, after: Duration) {
    let every = (after / 4).clamp(Duration::from_millis(100), Duration::from_secs(30));
    let (mut visited, mut last) = (Instant::now(), 0);
    loop {
        tokio::time::sleep(every).await;
        let table = front.table.load_full();
        for (member, _) in table.members.iter().filter(|(member, _)| member.is_working()) {
            member.rest(after).await;
        }
        if visited.elapsed() < VISIT_PAUSE {
            continue;
        }
        visited = Instant::now();
        // One at a time, so that it costs next to nothing; each in its turn, so that one that fails keeps no other waiting.
        let members: Vec<_> = table.members.iter().map(|(member, _)| member.clone()).collect();
        let due = move || {
            let turns = (0..members.len()).map(|turn| (last + 1 + turn) % members.len());
            turns.map(|at| (at, members[at].clone())).find(|(_, member)| member.is_due(VISIT_EVERY))
        };
        if let Ok(Some((at, member))) = tokio::task::spawn_blocking(due).await {
            last = at;
            // Its retention lets go of old records a minute from now. Why it failed, if it did, is logged.
            let _ = member.wake().await;
        }
    }
}

/// A thousand containers are visited in less than half of [`VISIT_EVERY`].
const VISIT_PAUSE: Duration = Duration::from_secs(20);

fn lines(clashes: &[Clashing]) -> String {
    clashes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
