//! The sandbox: runs a tag in a fresh instance for each call, within its limits.
//!
//! Whatever a guest does, its own call fails and nothing else: the worker thread, its siblings and the collector go on.

mod aot;
mod call;
mod engine;
mod limiter;
mod measure;
mod wasi;
mod workers;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tagyard_pipeline::container::model::Limits;
use tagyard_pipeline::output::Output;
use tagyard_pipeline::redact::Redacted;
use tokio::sync::Semaphore;
use wasmtime::component::{Component, Linker};

use call::{Bounds, Guest, TagPre};
pub use call::{CallError, Cost};
use engine::Ticking;
pub use measure::{Measure, Measured};
use workers::Workers;

/// The engine and its worker threads; one for a process.
pub struct Sandbox {
    engine: Ticking,
    workers: Workers,
    cache: Option<aot::Cache>,
    /// By their hashes, as long as a tag uses them: several containers' tags share one component's machine code.
    in_use: Mutex<HashMap<String, Weak<Component>>>,
}

/// A tag ready to be called.
pub struct Loaded {
    pre: TagPre<Guest>,
    bounds: Bounds,
    settings: String,
    workers: Workers,
    _component: Arc<Component>,
    /// A tag that loops to its deadline each time takes all but one of the worker threads at most, so its neighbours always
    /// have one.
    share: Semaphore,
}

/// Why a component does not load.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the sandbox does not start: {0:#}")]
    Engine(wasmtime::Error),
    #[error("the component does not compile: {0:#}")]
    Compile(wasmtime::Error),
    #[error("the component does not fit the host: {0:#}")]
    Link(wasmtime::Error),
}

impl Sandbox {
    /// Starts the engine and its threads. Compiled components are kept in `cache`, where one is given.
    ///
    /// # Errors
    /// When the address space for the guests cannot be reserved, or a thread cannot be started.
    pub fn start(cache: Option<PathBuf>) -> Result<Self, LoadError> {
        let engine = Ticking::start(&engine::config()).map_err(LoadError::Engine)?;
        let workers = Workers::start().map_err(|error| LoadError::Engine(error.into()))?;
        let cache = cache.and_then(|folder| aot::Cache::open(folder, &engine.engine));
        Ok(Sandbox { engine, workers, cache, in_use: Mutex::default() })
    }

    /// Compiles a component, or takes it from the cache, and links it.
    ///
    /// # Errors
    /// When it does not compile, or asks for what the host does not have.
    pub fn load(&self, bytes: &[u8], sha256: &str, settings: &str, limits: &Limits) -> Result<Loaded, LoadError> {
        let component = self.shared(bytes, sha256)?;
        Ok(Loaded {
            pre: link(&component).map_err(LoadError::Link)?,
            bounds: Bounds::new(limits),
            settings: settings.to_owned(),
            workers: self.workers.clone(),
            _component: component,
            share: Semaphore::new(self.workers.share()),
        })
    }

    fn shared(&self, bytes: &[u8], sha256: &str) -> Result<Arc<Component>, LoadError> {
        let in_use = || self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        let known = in_use().get(sha256).and_then(Weak::upgrade);
        if let Some(component) = known {
            return Ok(component);
        }
        // Of two that compile it at the same time, each has its own.
        let component = Arc::new(self.compile(bytes, sha256)?);
        let mut in_use = in_use();
        in_use.retain(|_, component| component.strong_count() > 0);
        in_use.insert(sha256.to_owned(), Arc::downgrade(&component));
        Ok(component)
    }

    fn compile(&self, bytes: &[u8], sha256: &str) -> Result<Component, LoadError> {
        if let Some(component) = self.cache.as_ref().and_then(|cache| cache.load(&self.engine.engine, sha256)) {
            return Ok(component);
        }
        let component = Component::new(&self.engine.engine, bytes).map_err(LoadError::Compile)?;
        if let Some(cache) = &self.cache {
            cache.store(&component, sha256);
        }
        Ok(component)
    }
}

fn link(component: &Component) -> wasmtime::Result<TagPre<Guest>> {
    let mut linker = Linker::new(component.engine());
    wasi::link(&mut linker, component)?;
    // What is left is what a language's runtime imports and a tag has no use for.
    linker.define_unknown_imports_as_traps(component)?;
    linker.instantiate_pre(component).and_then(TagPre::new)
}

impl Loaded {
    /// Runs the tag on redacted events, in a fresh instance, on a worker thread.
    ///
    /// # Errors
    /// When the guest fails in whatever way, or runs into a limit.
    pub async fn call(self: &Arc<Self>, events: Vec<Redacted>) -> Result<Output, CallError> {
        let Ok(_place) = self.share.acquire().await else { return Err(CallError::Stopped) };
        let tag = Arc::clone(self);
        self.workers.run(move || tag.call_here(events)).await.unwrap_or(Err(CallError::Stopped))
    }

    /// The same on this very thread, whose stack has to have room for the guest's.
    ///
    /// # Errors
    /// As [`Loaded::call`].
    pub fn call_here(&self, events: Vec<Redacted>) -> Result<Output, CallError> {
        call::call(&self.pre, &self.bounds, events, &self.settings)
    }
}
