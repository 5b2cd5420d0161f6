//! The plan of one tag: trigger, consent, transformations, redaction, in this order.

use std::sync::Arc;

use crate::consent::{self, NoConsent};
use crate::container::model;
use crate::event::Event;
use crate::expression::{ExpressionError, View};
use crate::grants::Grant;
use crate::redact::{self, Redacted};
use crate::transform::{Chain, Filtered, Traced, Transform, TransformErrors};
use crate::trigger::{FalseClause, Trigger};

/// Everything that is decided before a tag runs.
#[derive(Debug)]
pub struct Plan {
    trigger: Trigger,
    consent: Vec<String>,
    transforms: Chain,
    grant: Grant,
}

/// Why a tag has no plan. A checked container never gives one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanError {
    #[error("`when`: {0}")]
    Trigger(#[from] ExpressionError),
    #[error(transparent)]
    Transform(#[from] TransformErrors),
}

/// What a tag is to do with an event.
#[derive(Debug)]
pub enum Decision {
    NotTriggered(FalseClause),
    BlockedByConsent(NoConsent),
    Filtered(Filtered),
    Run(Redacted),
}

impl Plan {
    /// Compiles a tag's plan.
    ///
    /// # Errors
    /// When an expression or a path is none.
    pub fn compile(tag: &model::Tag, shared: Arc<[Transform]>, grant: Grant) -> Result<Self, PlanError> {
        Ok(Plan {
            trigger: Trigger::compile(tag)?,
            consent: tag.consent.clone(),
            transforms: Chain::compile(tag, shared)?,
            grant,
        })
    }

    /// Decides for one event. `view` is the same event's, shared by all the tags.
    pub fn decide(&self, event: &Event, view: &View<'_>) -> Decision {
        if let Err(clause) = self.trigger.test(event, view) {
            return Decision::NotTriggered(clause);
        }
        let missing = consent::missing(event, &self.consent);
        if !missing.is_empty() {
            return Decision::BlockedByConsent(NoConsent(missing.into_iter().map(str::to_owned).collect()));
        }
        match self.transforms.apply(view) {
            Ok(fields) => Decision::Run(Redacted::new(&fields, &self.grant.fields)),
            Err(filtered) => Decision::Filtered(filtered),
        }
    }

    /// The fields of a transformed event that the tag does not see, for a person to read.
    pub fn withheld(&self, event: &Event) -> Vec<String> {
        let fields = self.transforms.apply(&View::of(event));
        fields.map(|fields| redact::withheld(&fields, &self.grant.fields)).unwrap_or_default()
    }

    /// What the tag's transformations change of an event, for a person to read.
    pub fn traced(&self, event: &Event) -> Vec<Traced> {
        self.transforms.trace(event.fields())
    }

    pub fn grant(&self) -> &Grant {
        &self.grant
    }
}
