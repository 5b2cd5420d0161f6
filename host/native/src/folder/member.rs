//! One container of a folder: at rest, or at work. It is put to work by the first request or command for it, and let go when it has
//! nothing left to do and nobody has asked for it for a while.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::rest;
use crate::admin::Status;
use crate::base::Base;
use crate::collect::Routes;
use crate::container::{self, Claims, Loaded};
use crate::labels::Labels;
use crate::limits::{WAKE_AGAIN_AFTER, WAKE_TIMEOUT, WAKING_CONTAINERS};
use crate::live::FailedReload;
use crate::running::{Opened, Running};

/// What the members of a folder share.
pub(super) struct Common {
    pub(super) base: Base,
    waking: Semaphore,
    /// Where containers are put to work, whoever asks for it.
    runtime: Handle,
    /// Since when times of use are counted.
    began: Instant,
}

/// One container of a folder.
pub(super) struct Member {
    pub(super) name: String,
    data_dir: PathBuf,
    common: Arc<Common>,
    /// As its file was last found to be good.
    claims: Mutex<Arc<Claims>>,
    /// While it is at work.
    active: ArcSwapOption<Active>,
    slot: tokio::sync::Mutex<Slot>,
    /// When it was last asked for, in milliseconds of the process.
    used: AtomicU64,
    fault: Mutex<Option<Fault>>,
}

struct Active {
    routes: Routes,
    places: Arc<Semaphore>,
}

enum Slot {
    Resting,
    Working(Box<Running>),
    /// Its file is gone, or the host stops.
    Retired,
}

/// Why it is not at work, or why its changed file is not in force.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) failed: FailedReload,
    /// When it could not be put to work; a file that was refused does not keep it from that.
    since: Option<Instant>,
}

/// A request's hold on a container, which is not let go meanwhile.
pub(super) struct InUse {
    pub(super) routes: Routes,
    _place: OwnedSemaphorePermit,
}

/// What a container is doing.
pub(super) enum State {
    Resting,
    Working(Box<Status>),
    /// It is being put to work, or let go.
    Between,
}

/// Why there is no container to be asked.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Unavailable {
    #[error("it takes longer than {} s to be put to work; that goes on", WAKE_TIMEOUT.as_secs())]
    Slow,
    #[error("{0}")]
    Failed(String),
    #[error("its file is gone, or the host is stopping")]
    Retired,
}

/// Requests of one container that are in work at once: more than there can be. Who lets it go takes them all.
const PLACES: u32 = 1 << 24;

impl Fault {
    /// Whether it could not be put to work.
    pub(super) fn is_failure(&self) -> bool {
        self.since.is_some()
    }
}

impl Common {
    /// To be made on the runtime that the members are to work on.
    pub(super) fn new(base: Base) -> Self {
        let waking = Semaphore::new(WAKING_CONTAINERS);
        Common { base, waking, runtime: Handle::current(), began: Instant::now() }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Member {
    pub(super) fn new(claims: Arc<Claims>, data: &Path, common: Arc<Common>) -> Self {
        let name = claims.name.clone();
        let used = AtomicU64::new(common.now_ms());
        Member {
            data_dir: data.join(&name),
            name,
            common,
            claims: Mutex::new(claims),
            active: ArcSwapOption::empty(),
            slot: tokio::sync::Mutex::new(Slot::Resting),
            used,
            fault: Mutex::default(),
        }
    }

    /// A hold on it, if it is at work.
    pub(super) fn enter(&self) -> Option<InUse> {
        let active = self.active.load();
        let active = active.as_ref()?;
        let place = active.places.clone().try_acquire_owned().ok()?;
        self.used.store(self.common.now_ms(), Ordering::Relaxed);
        Some(InUse { routes: active.routes.clone(), _place: place })
    }

    /// Puts it to work, if it is not. What takes too long goes on when this has returned.
    ///
    /// # Errors
    /// When it cannot be put to work now.
    pub(super) async fn wake(self: &Arc<Self>) -> Result<(), Unavailable> {
        self.used.store(self.common.now_ms(), Ordering::Relaxed);
        // A client that leaves does not leave half a container.
        let member = self.clone();
        let waking = self.common.runtime.spawn(async move { member.work().await });
        match tokio::time::timeout(WAKE_TIMEOUT, waking).await {
            Ok(woken) => woken.unwrap_or_else(|_| Err(Unavailable::Failed("it panicked while it started".to_owned()))),
            Err(_) => Err(Unavailable::Slow),
        }
    }

    async fn work(self: Arc<Self>) -> Result<(), Unavailable> {
        let mut slot = self.slot.lock().await;
        match &*slot {
            Slot::Working(_) => return Ok(()),
            Slot::Retired => return Err(Unavailable::Retired),
            Slot::Resting => {}
        }
        if let Some(Fault { failed, since: Some(since) }) = self.fault()
            && since.elapsed() < WAKE_AGAIN_AFTER
        {
            return Err(Unavailable::Failed(failed.reason));
        }
        let Ok(_turn) = self.common.waking.acquire().await else { return Err(Unavailable::Retired) };
        match self.start().await {
            Ok(running) => {
                let active = Active { routes: running.routes(), places: Arc::new(Semaphore::new(PLACES as usize)) };
                // Whoever waited for it has his turn before it may rest.
                self.used.store(self.common.now_ms(), Ordering::Relaxed);
                *slot = Slot::Working(Box::new(running));
                self.active.store(Some(Arc::new(active)));
                self.lock_fault().take_if(|fault| fault.since.is_some());
                self.count("worked");
                tracing::info!(container = self.name, "the container was put to work");
                Ok(())
            }
            Err(reason) => {
                self.count("failed");
                tracing::error!(
                    container = self.name,
                    "the container cannot be put to work, and its senders are told 503: {reason}"
                );
                self.set_fault(reason.clone(), Some(Instant::now()));
                Err(Unavailable::Failed(reason))
            }
        }
    }

    async fn start(self: &Arc<Self>) -> Result<Running, String> {
        let (member, handle) = (self.clone(), Handle::current());
        // On a thread that may block: logs are read and tags compiled.
        let starting = tokio::task::spawn_blocking(move || {
            let base = &member.common.base;
            let claims = member.claims();
            let loaded =
                container::load_text(&claims.path, &claims.text, base.env).map_err(|report| report.to_string())?;
            handle
                .block_on(async {
                    let opened = Opened::open(&loaded, &member.data_dir, base).await?;
                    opened.begin(base).await
                })
                .map_err(|error| error.to_string())
        });
        starting.await.unwrap_or_else(|_| Err("it panicked while it started".to_owned()))
    }

    /// Lets it go, if nobody has asked for it for so long and it has nothing left to do.
    pub(super) async fn rest(&self, idle: Duration) {
        let Ok(mut slot) = self.slot.try_lock() else { return };
        let unused = self.common.now_ms().saturating_sub(self.used.load(Ordering::Relaxed));
        let is_idle = u128::from(unused) >= idle.as_millis();
        let Slot::Working(running) = &*slot else { return };
        if !is_idle || running.is_asked() || running.unfinished() > 0 || !self.is_empty() {
            return;
        }
        // From here on requests wait for the slot.
        let Some(active) = self.active.swap(None) else { return };
        let in_use = active.places.acquire_many(PLACES).await;
        // One of them may have brought an event.
        let is_done = running.unfinished() == 0;
        drop(in_use);
        if !is_done {
            self.active.store(Some(active));
            return;
        }
        drop(active);
        if let Slot::Working(running) = std::mem::replace(&mut *slot, Slot::Resting) {
            self.stop(*running).await;
            self.count("rested");
            tracing::info!(
                container = self.name,
                "the container rests: it has nothing left to do, and nobody has asked for it"
            );
        }
    }

    /// Stops it for good. Returns how many events are left without an outcome.
    pub(super) async fn retire(&self) -> u64 {
        let mut slot = self.slot.lock().await;
        if let Some(active) = self.active.swap(None) {
            let _ended = active.places.acquire_many(PLACES).await;
        }
        match std::mem::replace(&mut *slot, Slot::Retired) {
            Slot::Working(running) => self.stop(*running).await,
            Slot::Resting | Slot::Retired => 0,
        }
    }

    /// Closes its logs, and writes down that there is nothing left to do, if so.
    async fn stop(&self, running: Running) -> u64 {
        let left = running.stop_counting().await;
        if left == 0 {
            let data_dir = self.data_dir.clone();
            let _ = tokio::task::spawn_blocking(move || rest::write(&data_dir)).await;
        }
        left
    }

    /// Whether there is work in its data directory that no request has to come for.
    pub(super) fn has_left_work(&self) -> bool {
        rest::has_left_work(&self.data_dir)
    }

    /// Whether it rests and has not been looked after for so long, or could not be put to work and has work left. Blocks on the disk.
    pub(super) fn is_due(&self, after: Duration) -> bool {
        let has_failed = || self.fault().is_some_and(|fault| fault.is_failure());
        !self.is_working() && (rest::is_older(&self.data_dir, after) || has_failed() && self.has_left_work())
    }

    /// Puts a changed file in force.
    ///
    /// # Errors
    /// When nothing was changed.
    pub(super) async fn take(&self, claims: Arc<Claims>, loaded: Loaded) -> Result<(), String> {
        let slot = self.slot.lock().await;
        if let Slot::Working(running) = &*slot {
            let reloaded = running.reloader().reload(Ok(loaded)).await;
            if let Err(error) = reloaded {
                // It has logged and counted it.
                let reason = error.to_string();
                self.set_fault(reason.clone(), None);
                return Err(reason);
            }
        }
        *self.claims.lock().unwrap_or_else(PoisonError::into_inner) = claims;
        // Whatever was wrong with it, it may be tried again.
        *self.lock_fault() = None;
        Ok(())
    }

    /// Its changed file is not in force, for this reason. What was in force goes on.
    pub(super) async fn refuse(&self, reason: String) {
        let labels = Labels::of(&self.name).with([("result", "refused".to_owned())]);
        metrics::counter!("tagyard_reloads_total", labels).increment(1);
        self.set_fault(reason.clone(), None);
        if let Slot::Working(running) = &*self.slot.lock().await {
            running.facts().live.set_failed(reason);
        }
    }

    pub(super) async fn state(&self) -> State {
        let Ok(slot) = self.slot.try_lock() else { return State::Between };
        match &*slot {
            Slot::Working(running) => State::Working(Box::new(running.facts().status().await)),
            Slot::Resting | Slot::Retired => State::Resting,
        }
    }

    /// Whether its journal can be written; nothing is known of one that is not at work.
    pub(super) async fn can_write(&self) -> Option<bool> {
        match &*self.slot.try_lock().ok()? {
            Slot::Working(running) => Some(running.facts().journal.log().stats().fault.is_none()),
            Slot::Resting | Slot::Retired => None,
        }
    }

    pub(super) fn is_working(&self) -> bool {
        self.active.load().is_some()
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.lock_fault().clone()
    }

    fn is_empty(&self) -> bool {
        self.active.load().as_ref().is_some_and(|active| active.places.available_permits() == PLACES as usize)
    }

    pub(super) fn claims(&self) -> Arc<Claims> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_fault(&self, reason: String, since: Option<Instant>) {
        *self.lock_fault() = Some(Fault { failed: FailedReload { at: Timestamp::now(), reason }, since });
    }

    fn lock_fault(&self) -> MutexGuard<'_, Option<Fault>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, result: &str) {
        let labels = Labels::of(&self.name).with([("result", result.to_owned())]);
        metrics::counter!("tagyard_container_changes_total", labels).increment(1);
    }
}
