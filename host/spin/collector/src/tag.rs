//! A tag of the container: its plan, and what its adapter is told with each call.

use std::collections::BTreeMap;

use tagyard_pipeline::container::model;
use tagyard_pipeline::grants::{Grant, HostPattern, HostPatternError};
use tagyard_pipeline::path::{Fields, PathError};
use tagyard_pipeline::plan::{Plan, PlanError, Shared};
use tagyard_pipeline::remote::{Call, Item, Place};

pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) plan: Plan,
    /// The most events of one call.
    pub(crate) max_batch: usize,
    /// Whether one user's events go one after the other.
    pub(crate) is_ordered: bool,
    /// Where its adapter is.
    pub(crate) url: String,
    /// As JSON text.
    settings: String,
    allow: model::Allow,
    secrets: BTreeMap<String, Option<Vec<String>>>,
    timeout_seconds: u32,
}

/// Why a tag is not ready. A deployment that was written by `tagyard spin` has none such.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TagError {
    #[error(transparent)]
    Host(#[from] HostPatternError),
    #[error("`allow.fields[{0}]`: {1}")]
    Field(usize, PathError),
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Tag {
    pub(crate) fn new(tag: &model::Tag, place: &Place, shared: Shared, timeout_seconds: u32) -> Result<Self, TagError> {
        let allow = tag.allow.clone().unwrap_or_default();
        let hosts = allow.hosts.iter().flatten().map(|host| HostPattern::parse(host)).collect::<Result<_, _>>()?;
        let fields = Fields::parse(allow.fields.iter().flatten()).map_err(|(at, error)| TagError::Field(at, error))?;
        let grant = Grant { hosts, fields, private_network: allow.private_network, plain_http: allow.plain_http };
        Ok(Tag {
            name: tag.name.clone(),
            plan: Plan::compile(tag, shared, grant)?,
            max_batch: (place.max_batch as usize).max(1),
            is_ordered: tag.ordered,
            url: format!("http://{}.spin.internal/", place.component),
            settings: serde_json::Value::Object(tag.settings.clone()).to_string(),
            allow,
            secrets: tag.secrets.iter().map(|(name, secret)| (name.clone(), secret.hosts.clone())).collect(),
            timeout_seconds,
        })
    }

    /// A call with these events.
    pub(crate) fn call(&self, events: Vec<Item>) -> Call {
        Call {
            events,
            settings: self.settings.clone(),
            hosts: self.allow.hosts.clone().unwrap_or_default(),
            private_network: self.allow.private_network,
            plain_http: self.allow.plain_http,
            secrets: self.secrets.clone(),
            timeout_seconds: self.timeout_seconds,
        }
    }
}
