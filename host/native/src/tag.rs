//! A tag that is ready to run: its plan, its component in the sandbox, what it is granted, its secrets.

use std::sync::Arc;

use tagyard_pipeline::output::{LogLine, Request};
use tagyard_pipeline::permit::{Permitted, SecretBindings};
use tagyard_pipeline::plan::{Plan, PlanError, Shared};
use tagyard_pipeline::ran::{self, BATCH_BYTES};
use tagyard_pipeline::redact::Redacted;

use crate::container::{Environment, LoadedTag};
use crate::deliver::Wire;
use crate::held::{Held, Room};
use crate::sandbox::{CallError, LoadError, Loaded, Sandbox};
use crate::secrets::{TagSecrets, bindings};

pub use tagyard_pipeline::ran::GuestEnd;

/// A tag that is ready to run.
pub struct Tag {
    pub name: String,
    pub plan: Plan,
    pub secrets: TagSecrets,
    /// The most events of one call.
    pub max_batch: usize,
    /// Whether one user's events go one after the other.
    pub ordered: bool,
    /// Its requests on the wire.
    pub wire: Wire,
    sandboxed: Arc<Loaded>,
    bindings: SecretBindings,
    room: Room,
}

/// Why a tag of a checked container does not start.
#[derive(Debug, thiserror::Error)]
#[error("the tag `{tag}` does not start: {error}")]
pub struct StartError {
    tag: String,
    #[source]
    error: StartErrorKind,
}

#[derive(Debug, thiserror::Error)]
enum StartErrorKind {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// What one call came to.
#[derive(Debug, Default)]
pub struct Ran {
    pub permitted: Vec<Permitted>,
    /// Events of the call that end here, by their position in it.
    pub ended: Vec<(usize, GuestEnd)>,
    pub log: Vec<LogLine>,
    /// What `permitted` takes of the tag's room.
    pub held: Option<Held>,
}

impl Tag {
    /// Compiles a tag's plan and loads its component.
    ///
    /// # Errors
    /// When the component does not load.
    pub fn start(sandbox: &Sandbox, tag: &LoadedTag, shared: Shared, env: Environment) -> Result<Self, StartError> {
        let start = || -> Result<Self, StartErrorKind> {
            let settings = serde_json::Value::Object(tag.spec.settings.clone()).to_string();
            let component = &tag.component;
            let sandboxed = sandbox.load(&component.bytes, &component.sha256, &settings, &tag.spec.limits)?;
            Ok(Tag {
                name: tag.spec.name.clone(),
                plan: Plan::compile(&tag.spec, shared, tag.grant.clone())?,
                secrets: TagSecrets::read(tag, env),
                max_batch: (component.manifest.max_batch as usize).max(1),
                ordered: tag.spec.ordered,
                wire: Wire::default(),
                sandboxed: Arc::new(sandboxed),
                bindings: bindings(tag),
                room: Room::default(),
            })
        };
        start().map_err(|error| StartError { tag: tag.spec.name.clone(), error })
    }

    /// Runs the tag on some events and checks every request that it asks for.
    ///
    /// # Errors
    /// When the call fails as a whole.
    pub async fn run(&self, events: Vec<Redacted>) -> Result<Ran, CallError> {
        let count = events.len();
        let mut held = self.room.reserve().await;
        let output = self.sandboxed.call(events).await?;
        let bytes = output.requests.iter().map(size).sum();
        let ran = ran::Ran::new(output, count, self.plan.grant(), &self.bindings).map_err(CallError::Output)?;
        if let Some(held) = &mut held {
            held.shrink(bytes);
        }
        Ok(Ran { permitted: ran.permitted, ended: ran.ended, log: ran.log, held })
    }

    /// How many bytes of events one call takes.
    pub fn batch_bytes(&self) -> usize {
        BATCH_BYTES
    }
}

/// About as many bytes as a request takes.
fn size(request: &Request) -> usize {
    let headers: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    size_of::<Request>() + request.url.len() + headers + request.body.len() + size_of_val(request.events.as_slice())
}
