//! What a host stands on, whichever container is in force: its logs, its sandbox, its connections. And how a container is put
//! on it, at the start and at each reload.

use std::sync::Arc;

use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use tagyard_pipeline::container::model;
use tagyard_pipeline::plan::Shared;
use tagyard_pipeline::sources::Rules;
use tokio::sync::{Semaphore, watch};

use crate::collect::{Collector, Intake, Routes};
use crate::container::{Environment, Loaded};
use crate::dead_letters::DeadLetters;
use crate::decoded::Decoded;
use crate::deliver::{Deliverer, Divert, Network};
use crate::dispatch::Dispatcher;
use crate::host::TagsError;
use crate::identity::Links;
use crate::journal::EventJournal;
use crate::labels::Labels;
use crate::live::{InForce, Live};
use crate::outcomes::Recorder;
use crate::retention::Keep;
use crate::sandbox::Sandbox;
use crate::tag::Tag;

pub(crate) struct Ground {
    pub(crate) journal: EventJournal,
    pub(crate) letters: DeadLetters,
    pub(crate) recorder: Recorder,
    pub(crate) decoded: Arc<Decoded>,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) network: Arc<Network>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) labels: Labels,
    /// Requests in work, of this container and the ones before it.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) divert: Option<Divert>,
    pub(crate) env: Environment,
    pub(crate) routes: Routes,
    pub(crate) keep: watch::Sender<Keep>,
    pub(crate) live: Arc<Live>,
    pub(crate) links: Links,
}

/// A container whose tags are compiled.
pub(crate) struct Compiled {
    pub(crate) container: model::Container,
    pub(crate) tags: Vec<Arc<Tag>>,
    /// How it collects; the secrets of its webhooks are in it.
    intake: Intake,
}

impl Compiled {
    /// Compiles the tags of a checked container. For seconds, where one has a language's engine in it and is not in the cache.
    ///
    /// # Errors
    /// When one does not start.
    pub(crate) fn new(loaded: &Loaded, sandbox: &Sandbox, env: Environment) -> Result<Self, TagsError> {
        let shared = Shared::compile(&loaded.container)?;
        let identity = shared.rules().identity().cloned();
        let enrichment = loaded.enrichment(&shared)?;
        let tags = loaded.tags.iter().map(|tag| Tag::start(sandbox, tag, shared.clone(), env).map(Arc::new));
        let mut rules = Rules::new(&loaded.container.collect, env)?;
        rules.finds_visitors = identity.as_ref().is_some_and(|identity| identity.finds_visitors());
        Ok(Compiled {
            container: loaded.container.clone(),
            tags: tags.collect::<Result<_, _>>()?,
            intake: Intake { rules: Arc::new(rules), enrichment: Arc::new(enrichment), identity },
        })
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.tags.iter().map(|tag| tag.name.as_str()).collect()
    }

    pub(crate) fn keep(&self) -> Keep {
        Keep::from(&self.container.journal)
    }

    pub(crate) fn in_force(&self) -> InForce {
        let container = self.container.name.clone();
        InForce { container, loaded_at: Timestamp::now(), keep: self.keep(), tags: self.tags.clone() }
    }
}

impl Ground {
    /// From now on requests are taken, and events kept, as this container says. Those in work are finished as they began.
    pub(crate) fn collect(&self, compiled: &Compiled) {
        let (journal, letters) = (self.journal.clone(), self.letters.clone());
        let (decoded, metrics, places) = (self.decoded.clone(), self.metrics.clone(), self.places.clone());
        let intake = compiled.intake.clone();
        let limits = intake.identity.as_ref().and_then(|identity| identity.links());
        let metrics = (metrics, self.labels.clone());
        let mut collector = Collector::new(&compiled.container, intake, journal, letters, decoded, metrics, places);
        if let Some(limits) = limits {
            self.links.open(limits);
            collector = collector.linking(self.links.clone());
        }
        self.routes.store(Arc::new(collector.router()));
        self.keep.send_replace(compiled.keep());
    }

    /// Starts the container's tags; the recorder has their cursors.
    pub(crate) fn dispatch(&self, compiled: &Compiled) -> Dispatcher {
        let deliverer = Deliverer::new(&compiled.container.deliver, self.divert.clone(), self.network.clone());
        Dispatcher::start(&compiled.tags, &self.journal, &self.recorder, &Arc::new(deliverer), &self.decoded)
    }
}
