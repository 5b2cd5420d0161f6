//! The files of a folder: read at the start, and again when they change. What cannot be taken of a change costs the containers that it
//! is about, and leaves them as they were.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tagyard_pipeline::addresses::Addresses;
use tokio::signal::unix::Signal;

use super::FolderError;
use super::front::{Front, Table};
use super::member::Member;
use super::status::Told;
use crate::container::{self, Claims, Environment, Loaded, Report};
use crate::limits::WAKING_CONTAINERS;
use crate::watch::{POLL_EVERY, Seen};

pub(super) struct Folder {
    dir: PathBuf,
    data: PathBuf,
    front: Arc<Front>,
    told: Arc<Told>,
    files: BTreeMap<PathBuf, Held>,
}

/// A file as it was last read.
struct Held {
    seen: Seen,
    /// What of it is in force: after a change with mistakes, what it said before.
    good: Option<Good>,
    /// Why what it says is not in force.
    refused: Option<String>,
}

#[derive(Clone)]
struct Good {
    claims: Arc<Claims>,
    member: Arc<Member>,
}

/// A file on its way to be held.
struct Next {
    seen: Seen,
    claims: Option<Arc<Claims>>,
    /// What is new in it, if anything is.
    loaded: Option<Loaded>,
    refused: Option<String>,
}

type Looks = BTreeMap<PathBuf, Seen>;
type Found = BTreeMap<PathBuf, (Seen, Result<(Claims, Loaded), Report>)>;

impl Folder {
    /// Reads the folder for the first time.
    ///
    /// # Errors
    /// When there is nothing in it that can be served, or two files claim the same.
    pub(super) async fn open(dir: PathBuf, data: PathBuf, told: Arc<Told>) -> Result<Self, FolderError> {
        let front = told.front.clone();
        let mut folder = Folder { dir, data, front, told, files: BTreeMap::new() };
        let looks = folder.look().await;
        let looks = looks.map_err(|error| FolderError::Unreadable { folder: folder.dir.clone(), error })?;
        if looks.is_empty() {
            return Err(FolderError::Empty(folder.dir));
        }
        let found = folder.read(looks.keys().cloned().collect()).await;
        // Which of two is meant cannot be known, and a person is there to say.
        let clashes = container::clashes(found.values().filter_map(|(_, file)| Some(&file.as_ref().ok()?.0)));
        if !clashes.is_empty() {
            return Err(FolderError::Clashing(clashes));
        }
        if found.values().all(|(_, file)| file.is_err()) {
            let reports: Vec<String> =
                found.values().filter_map(|(_, file)| Some(file.as_ref().err()?.to_string())).collect();
            return Err(FolderError::NoneGood(reports.join("\n")));
        }
        folder.take(looks, found).await;
        Ok(folder)
    }

    /// Puts to work what was left with work, without waiting for it.
    pub(super) async fn take_up(&self) {
        let members: Vec<_> = self.files.values().filter_map(|held| Some(held.good.as_ref()?.member.clone())).collect();
        wake_those_with_work(members).await;
    }

    /// Runs until the host stops.
    pub(super) async fn follow(mut self, mut hangup: Signal, poll: bool) {
        loop {
            let (looks, all) = tokio::select! {
                Some(()) = hangup.recv() => {
                    tracing::info!("SIGHUP: the containers are read again");
                    match self.look().await {
                        Ok(looks) => (looks, true),
                        Err(error) => {
                            tracing::error!(%error, "the folder of containers cannot be read; nothing changes");
                            continue;
                        }
                    }
                }
                looks = self.changed(), if poll => {
                    tracing::info!("the containers' files have changed: they are read again");
                    (looks, false)
                }
                else => return,
            };
            let is_same = |path: &PathBuf, seen: &Seen| self.files.get(path).is_some_and(|held| held.seen == *seen);
            let changed = looks.iter().filter(|(path, seen)| all || !is_same(path, seen));
            let found = self.read(changed.map(|(path, _)| path.clone()).collect()).await;
            self.take(looks, found).await;
        }
    }

    /// Waits until the files are others than they were, and have been the same for one poll: one that is still being written is
    /// not taken.
    async fn changed(&self) -> Looks {
        let mut before = self.looks();
        let mut is_readable = true;
        loop {
            tokio::time::sleep(POLL_EVERY).await;
            match self.look().await {
                Ok(now) if now == before && now != self.looks() => return now,
                Ok(now) => (before, is_readable) = (now, true),
                Err(error) => {
                    // A disk that is gone for a moment must not take the containers with it.
                    if std::mem::take(&mut is_readable) {
                        tracing::error!(%error, "the folder of containers cannot be read; nothing changes");
                    }
                }
            }
        }
    }

    fn looks(&self) -> Looks {
        self.files.iter().map(|(path, held)| (path.clone(), held.seen.clone())).collect()
    }

    async fn look(&self) -> io::Result<Looks> {
        let (dir, known) = (self.dir.clone(), self.looks());
        let look = move || look(&dir, &known);
        tokio::task::spawn_blocking(look).await.unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    async fn read(&self, paths: Vec<PathBuf>) -> Found {
        let env = self.front.common.base.env;
        tokio::task::spawn_blocking(move || read(paths, env)).await.unwrap_or_default()
    }

    /// Puts in force what can be of the files that were found, and lets go of those that are no longer there.
    async fn take(&mut self, looks: Looks, mut found: Found) {
        let mut next: BTreeMap<PathBuf, Next> = BTreeMap::new();
        for (path, seen) in looks {
            let held = self.files.get(&path);
            let claims = held.and_then(|held| Some(held.good.as_ref()?.claims.clone()));
            let entry = match found.remove(&path) {
                Some((seen, Ok((claims, loaded)))) => {
                    Next { seen, claims: Some(Arc::new(claims)), loaded: Some(loaded), refused: None }
                }
                Some((seen, Err(report))) => Next { seen, claims, loaded: None, refused: Some(report.to_string()) },
                None => Next { seen, claims, loaded: None, refused: held.and_then(|held| held.refused.clone()) },
            };
            next.insert(path, entry);
        }
        self.refuse_clashes(&mut next);
        let by_name: BTreeMap<String, Good> = self.goods().map(|good| (good.claims.name.clone(), good)).collect();
        let taking = next.into_iter().map(|(path, next)| self.take_one(path, next, &by_name));
        let files: BTreeMap<PathBuf, Held> = stream::iter(taking).buffer_unordered(WAKING_CONTAINERS).collect().await;
        self.files = files;
        self.publish();
        let is_in_force = |name: &String| self.goods().any(|good| good.claims.name == *name);
        for (name, good) in by_name.iter().filter(|(name, _)| !is_in_force(name)) {
            let left = good.member.retire().await;
            match left {
                0 => tracing::info!(container = name, "the container's file is gone, and so is the container"),
                _ => tracing::warn!(
                    container = name,
                    left,
                    "the container's file is gone: events without an outcome stay in its data directory until it comes back"
                ),
            }
        }
        wake_those_with_work(self.goods().map(|good| good.member).filter(|member| !member.is_working()).collect())
            .await;
    }

    /// Of files that claim the same, those that have changed are left as they were.
    fn refuse_clashes(&self, next: &mut BTreeMap<PathBuf, Next>) {
        loop {
            let claims: Vec<Arc<Claims>> = next.values().filter_map(|next| next.claims.clone()).collect();
            let clashes = container::clashes(claims.iter().map(|claims| &**claims));
            if clashes.is_empty() {
                return;
            }
            for clash in clashes {
                let reason = clash.to_string();
                let mut is_taken_back = false;
                for at in [clash.first, clash.second] {
                    let path = &claims[at].path;
                    let Some(next) = next.get_mut(path).filter(|next| next.loaded.is_some()) else { continue };
                    next.loaded = None;
                    next.claims = self.files.get(path).and_then(|held| Some(held.good.as_ref()?.claims.clone()));
                    next.refused = Some(reason.clone());
                    is_taken_back = true;
                }
                // Neither has changed: one of them was taken back to what it was.
                let second = next.get_mut(&claims[clash.second].path).filter(|_| !is_taken_back);
                if let Some(next) = second.filter(|next| next.refused.as_ref() != Some(&reason)) {
                    (next.claims, next.refused) = (None, Some(reason));
                }
            }
        }
    }

    async fn take_one(&self, path: PathBuf, next: Next, by_name: &BTreeMap<String, Good>) -> (PathBuf, Held) {
        let Next { seen, claims, loaded, mut refused } = next;
        let was_refused = self.files.get(&path).and_then(|held| held.refused.clone());
        let (mut good, mut is_told) = (None, false);
        if let Some(claims) = claims {
            let known = by_name.get(&claims.name);
            good = match (known, loaded) {
                (None, _) => {
                    let common = self.front.common.clone();
                    Some(Good { member: Arc::new(Member::new(claims.clone(), &self.data, common)), claims })
                }
                (Some(known), None) => Some(known.clone()),
                (Some(known), Some(loaded)) => match known.member.take(claims.clone(), loaded).await {
                    Ok(()) => Some(Good { claims, member: known.member.clone() }),
                    Err(reason) => {
                        (refused, is_told) = (Some(reason), true);
                        Some(known.clone())
                    }
                },
            };
        }
        if let Some(reason) = refused.as_ref().filter(|reason| !is_told && was_refused.as_ref() != Some(reason)) {
            match &good {
                Some(good) => {
                    tracing::error!(
                        container = good.claims.name,
                        "the container's changed file was not taken, the one before stays in force: {reason}"
                    );
                    good.member.refuse(reason.clone()).await;
                }
                None => tracing::error!(file = %path.display(), "the container of this file is not served: {reason}"),
            }
        }
        (path, Held { seen, good, refused })
    }

    /// From now on requests find these containers.
    fn publish(&self) {
        let goods: Vec<Good> = self.goods().collect();
        let (addresses, _) = Addresses::new(goods.iter().map(|good| &good.claims.collect));
        let proxies = goods.iter().filter_map(|good| good.claims.collect.proxies.as_ref());
        let proxy_headers = proxies.filter_map(|proxies| proxies.header.parse().ok()).collect();
        let members = goods.into_iter().map(|good| (good.member, good.claims.collect.origins.clone())).collect();
        let is_whole = self.files.values().all(|held| held.good.is_some());
        self.front.table.store(Arc::new(Table { addresses, members, is_whole, proxy_headers }));
        let refused = self.files.iter().filter(|(_, held)| held.good.is_none());
        let refused = refused.map(|(path, held)| (path.clone(), held.refused.clone().unwrap_or_default()));
        self.told.set_refused(refused.collect());
    }

    fn goods(&self) -> impl Iterator<Item = Good> {
        self.files.values().filter_map(|held| held.good.clone())
    }
}

/// When each file was changed. Those that are known are not read for it.
fn look(dir: &Path, known: &Looks) -> io::Result<Looks> {
    let seen = |path: PathBuf| {
        let seen = known.get(&path).map_or_else(|| Seen::now(&path), Seen::again);
        (path, seen)
    };
    Ok(container::folder_files(dir)?.into_iter().map(seen).collect())
}

fn read(paths: Vec<PathBuf>, env: Environment) -> Found {
    let read = |path: PathBuf| {
        let seen = Seen::now(&path);
        let file = container::load_one(&path, env);
        (path, (seen, file))
    };
    paths.into_iter().map(read).collect()
}

async fn wake_those_with_work(members: Vec<Arc<Member>>) {
    let with_work = move || members.into_iter().filter(|member| member.has_left_work()).collect::<Vec<_>>();
    for member in tokio::task::spawn_blocking(with_work).await.unwrap_or_default() {
        tracing::info!(container = member.name, "there is work left in the container's journal: it is taken up");
        // Why it failed, if it did, is logged; it is tried again later.
        tokio::spawn(async move { member.wake().await });
    }
}
