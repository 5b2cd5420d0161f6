//! The plan of one tag: trigger, consent, transformations, redaction, in this order.

use std::sync::Arc;

use serde::Serialize;

use crate::accepted::Accepted;
use crate::consent::anonymise::anonymised;
use crate::consent::{NoConsent, Verdict};
use crate::container::model::{self, WithoutConsent};
use crate::expression::Around;
use crate::grants::Grant;
use crate::outline::Outline;
use crate::redact::{self, Redacted};
use crate::rules::{Memo, Rules, RulesError, Scope};
use crate::transform::{Chain, Filtered, Traced, Transform, TransformErrors};
use crate::trigger::{FalseClause, Shown, Trigger, TriggerError};

/// Everything that is decided before a tag runs.
#[derive(Debug)]
pub struct Plan {
    trigger: Trigger,
    consent: Vec<String>,
    without_consent: WithoutConsent,
    rules: Arc<Rules>,
    transforms: Chain,
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
    Transform(#[from] TransformErrors),
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// What a tag is to do with an event.
#[derive(Debug)]
pub enum Decision {
    NotTriggered(FalseClause),
    BlockedByConsent(NoConsent),
    Filtered(Filtered),
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
    /// What becomes of the transformations before the tag sees the event, up to one that filters it.
    #[serde(rename = "transformations")]
    pub changed: Vec<Traced>,
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
            transforms: Chain::compile(tag, shared.transforms)?,
            rules: shared.rules,
            grant,
        })
    }

    /// Decides for one event.
    pub fn decide(&self, accepted: &Accepted) -> Decision {
        let spare = Memo::default();
        let scope = Scope::new(&self.rules, accepted, &spare);
        if let Err(clause) = self.trigger.test(&accepted.event, accepted.received_at, &scope.view()) {
            return Decision::NotTriggered(clause);
        }
        let is_missing = self.consent.iter().any(|purpose| !scope.is_given(purpose));
        if is_missing && self.without_consent == WithoutConsent::Block {
            let missing = self.verdicts(&scope).filter(|verdict| !verdict.is_given);
            return Decision::BlockedByConsent(NoConsent(missing.collect()));
        }
        let redacted = self.with_scope(&scope, is_missing, |scope| {
            self.transforms.apply(scope).map(|fields| Redacted::of(&fields, &self.grant.fields))
        });
        match redacted {
            Ok(redacted) => Decision::Run(redacted),
            Err(filtered) => Decision::Filtered(filtered),
        }
    }

    /// Says how the decision for an event comes about.
    pub fn explain(&self, accepted: &Accepted) -> Explained {
        let spare = Memo::default();
        let scope = Scope::new(&self.rules, accepted, &spare);
        let consent: Vec<Verdict> = self.verdicts(&scope).collect();
        let is_missing = consent.iter().any(|verdict| !verdict.is_given);
        let is_anonymised = is_missing && self.without_consent == WithoutConsent::Anonymise;
        let (changed, withheld) = self.with_scope(&scope, is_anonymised, |scope| {
            let fields = self.transforms.apply(scope);
            let withheld = fields.map(|fields| redact::withheld(&fields, &self.grant.fields));
            (self.transforms.trace(&scope.view()), withheld.unwrap_or_default())
        });
        let clauses = self.trigger.show(&accepted.event, accepted.received_at, &scope.view());
        Explained { clauses, consent, is_anonymised, changed, withheld }
    }

    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    fn verdicts<'p>(&'p self, scope: &'p Scope<'_>) -> impl Iterator<Item = Verdict> + 'p {
        self.consent.iter().map(|purpose| scope.consent(purpose))
    }

    /// Hands on the event as the transformations get it. Where it is to be anonymous it is made so before them, so that no
    /// transformation and no variable puts back what was taken out.
    fn with_scope<T>(&self, scope: &Scope<'_>, anonymous: bool, then: impl FnOnce(&Scope<'_>) -> T) -> T {
        if !anonymous {
            return then(scope);
        }
        let (left, memo) = (Outline::from(&anonymised(&scope.view().fields().to_map())), Memo::default());
        then(&scope.anonymous(&left, &memo))
    }
}
