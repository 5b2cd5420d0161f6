//! The plan of one tag: trigger, consent, transformations, redaction, in this order.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::accepted::Accepted;
use crate::consent::anonymise::anonymised;
use crate::consent::{NoConsent, Verdict};
use crate::container::model::{self, WithoutConsent};
use crate::grants::Grant;
use crate::redact::{self, Redacted};
use crate::rules::{Memo, Rules, RulesError, Scope};
use crate::transform::{self, Transform, TransformError};
use crate::trigger::{FalseClause, Shown, Trigger, TriggerError};

/// Everything that is decided before a tag runs.
#[derive(Debug)]
pub struct Plan {
    trigger: Trigger,
    consent: Vec<String>,
    without_consent: WithoutConsent,
    /// The container's own, which stand before the tag's.
    shared: Shared,
    transforms: Vec<Transform>,
    grant: Grant,
}

/// What all tags of a container have in common.
#[derive(Clone, Debug)]
pub struct Shared {
    transforms: Arc<[Transform]>,
    rules: Arc<Rules>,
}

/// Why a tag has no plan. A checked container never gives one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlanError {
    #[error(transparent)]
    Trigger(#[from] TriggerError),
    #[error(transparent)]
    Transform(#[from] TransformError),
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// What a tag is to do with an event.
#[derive(Debug)]
pub enum Decision {
    NotTriggered(FalseClause),
    BlockedByConsent(NoConsent),
    Run(Redacted),
}

/// How a decision came about, for a person to read.
#[derive(Debug, Default, Serialize)]
pub struct Explained {
    pub clauses: Vec<Shown>,
    /// Of each purpose that the tag needs.
    pub consent: Vec<Verdict>,
    /// Whether the tag gets what is left without whom the event is about.
    #[serde(rename = "anonymised")]
    pub is_anonymised: bool,
    /// The fields that the tag does not see.
    #[serde(skip)]
    pub withheld: Vec<String>,
}

impl Shared {
    /// Compiles what all tags of a container have in common.
    ///
    /// # Errors
    /// When an expression, a path or a pattern is none.
    pub fn compile(container: &model::Container) -> Result<Self, PlanError> {
        let transforms = container.transforms.iter().map(Transform::compile).collect::<Result<Vec<_>, _>>()?;
        Ok(Shared { transforms: transforms.into(), rules: Arc::new(Rules::compile(container)?) })
    }

    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }
}

impl Plan {
    /// Compiles a tag's plan.
    ///
    /// # Errors
    /// When an expression or a path is none.
    pub fn compile(tag: &model::Tag, shared: Shared, grant: Grant) -> Result<Self, PlanError> {
        Ok(Plan {
            trigger: Trigger::compile(tag)?,
            consent: tag.consent.clone(),
            without_consent: tag.without_consent,
            shared,
            transforms: tag.transforms.iter().map(Transform::compile).collect::<Result<_, _>>()?,
            grant,
        })
    }

    /// Decides for one event.
    pub fn decide(&self, accepted: &Accepted) -> Decision {
        let spare = Memo::default();
        let scope = Scope::new(&self.shared.rules, accepted, &spare);
        if let Err(clause) = self.trigger.test(&accepted.event, accepted.received_at, &scope.view()) {
            return Decision::NotTriggered(clause);
        }
        let missing: Vec<Verdict> = self.verdicts(&scope).filter(|verdict| !verdict.is_given).collect();
        if !missing.is_empty() && self.without_consent == WithoutConsent::Block {
            return Decision::BlockedByConsent(NoConsent(missing));
        }
        let redact = |fields: &Map<String, Value>| Redacted::new(fields, &self.grant.fields);
        Decision::Run(self.with_transformed(&scope, !missing.is_empty(), redact))
    }

    /// Says how the decision for an event comes about.
    pub fn explain(&self, accepted: &Accepted) -> Explained {
        let spare = Memo::default();
        let scope = Scope::new(&self.shared.rules, accepted, &spare);
        let consent: Vec<Verdict> = self.verdicts(&scope).collect();
        let is_missing = consent.iter().any(|verdict| !verdict.is_given);
        let is_anonymised = is_missing && self.without_consent == WithoutConsent::Anonymise;
        let withheld = |fields: &Map<String, Value>| redact::withheld(fields, &self.grant.fields);
        Explained {
            clauses: self.trigger.show(&accepted.event, accepted.received_at, &scope.view()),
            consent,
            is_anonymised,
            withheld: self.with_transformed(&scope, is_anonymised, withheld),
        }
    }

    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    fn verdicts<'p>(&'p self, scope: &'p Scope<'_>) -> impl Iterator<Item = Verdict> + 'p {
        self.consent.iter().map(|purpose| scope.consent(purpose))
    }

    /// Hands on the event's fields after the transformations. Where they are to be anonymous they are made so before, so that no
    /// transformation and no variable puts back what was taken out.
    fn with_transformed<T>(
        &self,
        scope: &Scope<'_>,
        anonymous: bool,
        then: impl FnOnce(&Map<String, Value>) -> T,
    ) -> T {
        let transforms = || self.shared.transforms.iter().chain(&self.transforms);
        let fields = scope.view().fields();
        if !anonymous {
            return then(&transform::apply(transforms(), fields, scope));
        }
        let (left, memo) = (anonymised(fields), Memo::default());
        then(&transform::apply(transforms(), &left, &scope.anonymous(&left, &memo)))
    }
}
