//! Identity: by what a visitor is known again, and what of a visit is put into its events, before they go into the journal.
//!
//! What stands in an event already stays. Cookies are read and set, and ids linked, only where the event's consent allows it. The host
//! passes in the time and randomness, keeps links and sets the cookies.

mod campaign;
mod cookie;
mod kept;
pub mod links;
mod page;
mod session;
#[cfg(test)]
mod tests;
mod vendors;
mod visit;

pub use visit::Visit;
pub(crate) use visit::is_browser;

use crate::consent::{PurposeError, Purposes, Signals};
use crate::container::identity::{self as model, Vendors};
use crate::container::model::Container;
use crate::object::Object;
use serde_json::{Map, Value};
use vendors::Mark;

/// What a container says of identity, made ready.
#[derive(Debug)]
pub struct Identity {
    spec: model::Identity,
    purposes: Purposes,
    vendors: Option<Watched>,
}

/// The vendors that a container names.
#[derive(Debug)]
struct Watched {
    spec: Vendors,
    marks: Vec<Mark>,
    /// The cookie of the GA4 data stream's sessions.
    stream: Option<String>,
}

/// What an event's consent allows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Allowed {
    Yes,
    /// Nothing speaks of it.
    No,
    /// The visitor objects: what was kept before is forgotten.
    Denied,
}

impl Identity {
    /// `None` where the container says nothing of it.
    ///
    /// # Errors
    /// When a purpose does not compile.
    pub fn compile(container: &Container) -> Result<Option<Self>, PurposeError> {
        let Some(spec) = &container.identity else { return Ok(None) };
        let vendors = spec.vendors.as_ref().map(|spec| Watched {
            marks: vendors::marks(spec),
            stream: spec.measurement_id.as_deref().and_then(|id| id.strip_prefix("G-")).map(|id| format!("_ga_{id}")),
            spec: spec.clone(),
        });
        Ok(Some(Identity { purposes: Purposes::compile(&container.consent)?, vendors, spec: spec.clone() }))
    }

    /// Whether a visitor is known by a cookie, so that events need not say whom they are about.
    pub fn finds_visitors(&self) -> bool {
        self.spec.id.is_some()
    }

    /// By what links are kept, where they are.
    pub fn links(&self) -> Option<model::Links> {
        self.spec.links
    }

    /// What an event's consent allows of what needs these purposes. Only the parts of the event that consent is read from are looked
    /// at.
    fn signals(&self, context: &Object, request: &Map<String, Value>) -> Signals {
        let said = context.value("consent").unwrap_or_default();
        Signals::read(&said, || context.value("location"), request, &self.purposes)
    }

    fn allowed(&self, purposes: &[String], signals: &Signals) -> Allowed {
        let mut allowed = Allowed::Yes;
        for verdict in purposes.iter().map(|purpose| self.purposes.verdict(purpose, signals)) {
            if !verdict.is_given && !verdict.by.is_empty() {
                return Allowed::Denied;
            }
            if !verdict.is_given {
                allowed = Allowed::No;
            }
        }
        allowed
    }

    /// The purposes that the vendors' part needs.
    fn vendor_purposes(&self) -> &[String] {
        let own = self.vendors.as_ref().and_then(|vendors| vendors.spec.consent.as_deref());
        own.unwrap_or(&self.spec.consent)
    }
}
