//! A tag that is ready to run: its plan, its component in the sandbox, what it is granted, its secrets.

use std::sync::Arc;

use tagyard_pipeline::outcome::Cause;
use tagyard_pipeline::output::{LogLine, Output, Request};
use tagyard_pipeline::permit::{MAX_REQUESTS, Permitted, SecretBindings, permit};
use tagyard_pipeline::plan::{Plan, PlanError, Shared};
use tagyard_pipeline::redact::Redacted;

use crate::container::{Environment, LoadedTag};
use crate::deliver::Wire;
use crate::held::{Held, Room};
use crate::limits::{BATCH_BYTES, MAX_NOTES};
use crate::sandbox::{CallError, LoadError, Loaded, Sandbox};
use crate::secrets::{TagSecrets, bindings};

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

/// How an event ended in the sandbox or at the permit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GuestEnd {
    Skipped(String),
    Dead(Cause, String),
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
        check(&output, count)?;
        if let Some(held) = &mut held {
            held.shrink(output.requests.iter().map(size).sum());
        }
        let mut ran = Ran { log: output.log, held, ..Ran::default() };
        let mut named = vec![false; count];
        for note in output.rejected {
            ran.end(&mut named, note.event, GuestEnd::Dead(Cause::Rejected, note.reason));
        }
        for mut request in output.requests {
            if request.events.is_empty() {
                // A request that does not say what it carries stands for the whole call.
                request.events = (0..).take(count).collect();
            }
            let carried = request.events.clone();
            match permit(request, count, self.plan.grant(), &self.bindings) {
                Ok(permitted) => {
                    carried.iter().for_each(|event| named[*event as usize] = true);
                    ran.permitted.push(permitted);
                }
                Err(refused) => {
                    for event in carried {
                        ran.end(&mut named, event, GuestEnd::Dead(Cause::Refused, refused.to_string()));
                    }
                }
            }
        }
        for note in
            output.skipped.into_iter().filter(|note| named.get(note.event as usize) == Some(&false)).collect::<Vec<_>>()
        {
            ran.end(&mut named, note.event, GuestEnd::Skipped(note.reason));
        }
        for event in (0..).take(count) {
            if !named[event as usize] {
                ran.end(&mut named, event, GuestEnd::Skipped("the tag returned nothing for it".to_owned()));
            }
        }
        Ok(ran)
    }

    /// How many bytes of events one call takes.
    pub fn batch_bytes(&self) -> usize {
        BATCH_BYTES
    }
}

impl Ran {
    /// Ends an event, if the call has it: a position that a guest makes up means nothing.
    fn end(&mut self, named: &mut [bool], event: u32, end: GuestEnd) {
        if let Some(named) = named.get_mut(event as usize) {
            *named = true;
            self.ended.push((event as usize, end));
        }
    }
}

/// Whether an output is of such a size, and speaks of such events, as can be meant.
fn check(output: &Output, events: usize) -> Result<(), CallError> {
    let (requests, notes) = (output.requests.len(), output.skipped.len() + output.rejected.len());
    if requests > MAX_REQUESTS {
        return Err(CallError::Output(format!("{requests} requests, and {MAX_REQUESTS} are the most")));
    }
    if notes > MAX_NOTES {
        return Err(CallError::Output(format!("{notes} events skipped or rejected, and {MAX_NOTES} are the most")));
    }
    if let Some(request) = output.requests.iter().find(|request| request.events.len() > events) {
        let named = request.events.len();
        return Err(CallError::Output(format!("a request with {named} events of a call with {events}")));
    }
    // An event that was meant by it would else end as if the tag had had nothing to say of it.
    match output.skipped.iter().chain(&output.rejected).find(|note| note.event as usize >= events) {
        Some(note) => Err(CallError::Position(note.event, events)),
        None => {
            match output.requests.iter().flat_map(|request| &request.events).find(|event| **event as usize >= events) {
                Some(event) => Err(CallError::Position(*event, events)),
                None => Ok(()),
            }
        }
    }
}

/// About as many bytes as a request takes.
fn size(request: &Request) -> usize {
    let headers: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    size_of::<Request>() + request.url.len() + headers + request.body.len() + size_of_val(request.events.as_slice())
}
