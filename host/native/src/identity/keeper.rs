//! The thread that reads and writes links. It answers in the order in which it is asked, so that whoever has just been linked is found.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use jiff::Timestamp;
use metrics::Gauge;
use tagyard_pipeline::container::identity::Links as Limits;
use tagyard_pipeline::identity::links::{Known, Link, Who};
use tokio::sync::oneshot;

use super::{KeptLink, LinksError, Store, StoreError};

/// How often old links are looked for, and a file that failed is opened again.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Between two commits that let go of many, so that questions are answered meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// How many questions and links are taken at once; the links among them are one commit.
const TOGETHER: usize = 256;

pub(super) enum Ask {
    Known { questions: Vec<Who>, reply: oneshot::Sender<Known> },
    Keep { links: Vec<Link>, at: Timestamp },
    Of { ids: Vec<Who>, reply: Reply },
    Forget { ids: Vec<Who>, reply: Reply },
    Limit(Limits),
    Close { reply: oneshot::Sender<()> },
}

type Reply = oneshot::Sender<Result<Vec<KeptLink>, LinksError>>;

/// Starts the thread; it ends when nobody can ask any more. `None` if the system has none left.
pub(super) fn start(data_dir: PathBuf, is_answering: Arc<AtomicBool>, waiting: usize) -> Option<Sender<Ask>> {
    let (sender, asks) = bounded(waiting);
    let count = metrics::gauge!("tagyard_identity_links");
    let keeper = Keeper {
        data_dir,
        store: None,
        is_answering,
        limits: Limits::default(),
        waiting: Vec::new(),
        at: Timestamp::UNIX_EPOCH,
        count,
        has_failed: false,
    };
    match thread::Builder::new().name("links".to_owned()).spawn(move || keeper.run(&asks)) {
        Ok(_) => Some(sender),
        Err(error) => {
            tracing::error!("identity links are not kept: no thread for them: {error}");
            None
        }
    }
}

/// Counts links that were not kept.
pub(super) fn lost(links: u64) {
    metrics::counter!("tagyard_identity_links_lost_total").increment(links);
}

struct Keeper {
    data_dir: PathBuf,
    store: Option<Store>,
    is_answering: Arc<AtomicBool>,
    limits: Limits,
    /// Links that the next commit writes.
    waiting: Vec<Link>,
    /// When the last of them came.
    at: Timestamp,
    count: Gauge,
    /// Whether the log says already that they cannot be opened.
    has_failed: bool,
}

impl Keeper {
    fn run(mut self, asks: &Receiver<Ask>) {
        self.open();
        let mut look = Instant::now() + LOOK_EVERY;
        loop {
            let closing = match asks.recv_deadline(look) {
                Ok(ask) => {
                    let more = asks.try_iter().take(TOGETHER);
                    std::iter::once(ask).chain(more).find_map(|ask| self.answer(ask))
                }
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => {
                    self.write();
                    break;
                }
            };
            self.write();
            if let Some(reply) = closing {
                drop(self);
                let _ = reply.send(());
                return;
            }
            if Instant::now() >= look {
                self.open();
                look = Instant::now() + if self.expire() { PAUSE } else { LOOK_EVERY };
            }
        }
    }

    /// Answers a question; who is to be told when all is written and closed, if that is what it asks for.
    fn answer(&mut self, ask: Ask) -> Option<oneshot::Sender<()>> {
        match ask {
            Ask::Known { questions, reply } => {
                if self.waiting.iter().any(|link| questions.iter().any(|who| is_about(link, who))) {
                    self.write();
                }
                let known = self.attempt(|store| {
                    let known = questions.into_iter().map(|who| Ok(store.other(&who)?.map(|other| (who, other))));
                    known.filter_map(Result::transpose).collect::<Result<Known, StoreError>>()
                });
                if let Some(known) = known {
                    self.is_answering.store(true, Ordering::Relaxed);
                    // Nobody may be waiting any more.
                    let _ = reply.send(known);
                }
            }
            Ask::Keep { links, at } => {
                self.waiting.extend(links);
                self.at = at;
            }
            Ask::Of { ids, reply } => {
                self.write();
                let _ = reply.send(self.for_a_person(|store| store.of(&ids)));
            }
            Ask::Forget { ids, reply } => {
                self.write();
                let _ = reply.send(self.for_a_person(|store| store.forget(&ids)));
                self.show_count();
            }
            Ask::Limit(limits) => self.limits = limits,
            Ask::Close { reply } => return Some(reply),
        }
        None
    }

    fn open(&mut self) {
        if self.store.is_some() {
            return;
        }
        match Store::open(&self.data_dir) {
            Ok(store) => {
                self.store = Some(store);
                self.has_failed = false;
                self.is_answering.store(true, Ordering::Relaxed);
                self.show_count();
            }
            Err(error) if !self.has_failed => {
                tracing::error!("identity links are neither read nor kept, events go on without: {error}");
                self.has_failed = true;
            }
            Err(_) => {}
        }
    }

    fn write(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let (links, at, limits) = (std::mem::take(&mut self.waiting), self.at, self.limits);
        let count = links.len() as u64;
        match self.attempt(|store| store.keep(&links, at, limits)) {
            Some(()) => self.show_count(),
            None => lost(count),
        }
    }

    /// Lets go of old links; whether there are more.
    fn expire(&mut self) -> bool {
        let limits = self.limits;
        let more = self.attempt(|store| store.expire(Timestamp::now(), limits));
        self.show_count();
        more == Some(true)
    }

    fn show_count(&mut self) {
        if let Some(count) = self.attempt(|store| store.count()) {
            self.count.set(count as f64);
        }
    }

    /// A file that failed is closed: only opened anew it is known what is in it.
    fn attempt<T>(&mut self, attempt: impl FnOnce(&mut Store) -> Result<T, StoreError>) -> Option<T> {
        match attempt(self.store.as_mut()?) {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::error!(
                    "identity links failed, events go on without until the file can be opened again: {error}"
                );
                self.close();
                None
            }
        }
    }

    /// The same for one who is to be told what is wrong.
    fn for_a_person<T>(&mut self, attempt: impl FnOnce(&mut Store) -> Result<T, StoreError>) -> Result<T, LinksError> {
        let store = match &mut self.store {
            Some(store) => store,
            none => none.insert(Store::open(&self.data_dir)?),
        };
        self.is_answering.store(true, Ordering::Relaxed);
        let result = attempt(store);
        if result.is_err() {
            self.close();
        }
        Ok(result?)
    }

    fn close(&mut self) {
        self.store = None;
        self.is_answering.store(false, Ordering::Relaxed);
    }
}

fn is_about(link: &Link, who: &Who) -> bool {
    match who {
        Who::User(id) => link.user_id == *id,
        Who::Anonymous(id) => link.anonymous_id == *id,
    }
}
