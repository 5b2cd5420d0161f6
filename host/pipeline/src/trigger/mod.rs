//! Triggers: whether a tag runs for an event.

mod conjuncts;
mod sample;
#[cfg(test)]
mod tests;
mod window;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::container::model;
use crate::event::{Event, Kind};
use crate::expression::{Expression, ExpressionError, NoValue, View};
use conjuncts::conjunction;
use sample::Sample;

pub use window::{Window, WindowError};

/// A tag's trigger, compiled. Of its clauses the cheap ones come first.
#[derive(Debug)]
pub struct Trigger {
    clauses: Vec<Clause>,
}

/// Something that has to be true.
#[derive(Debug)]
enum Clause {
    /// The sender's `integrations` may name the tag by these: its name, and its component's.
    Integrations([String; 2]),
    On(Vec<On>),
    Between(Window),
    Sample(Sample),
    When(Expression),
    Except(Expression),
}

/// One entry of the short form.
#[derive(Debug)]
enum On {
    Kind(Kind),
    Name(String),
}

/// The clause that kept a tag from running.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FalseClause {
    #[error("the sender switched `{0}` off in `integrations`")]
    Integrations(String),
    #[error("`on` names neither the event nor its type")]
    On,
    #[error("it was received outside of `between`")]
    Between,
    #[error("its user is not in the `sample` of {0}")]
    Sample(String),
    #[error("`{0}` is false")]
    When(String),
    #[error("`{0}` is false, since {1}")]
    NoValue(String, NoValue),
    #[error("`except` is true: `{0}`")]
    Except(String),
    #[error("`except` has no answer, since {1}: `{0}`")]
    NoAnswer(String, NoValue),
}

/// Why a tag has no trigger. A checked container never gives one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TriggerError {
    #[error("`when`: {0}")]
    When(ExpressionError),
    #[error("`except`: {0}")]
    Except(ExpressionError),
    #[error("`between`: {0}")]
    Between(#[from] WindowError),
}

/// A clause with what it came to, for a person to read.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// As the container has it: `when event.properties.total > 20.0`.
    pub clause: String,
    /// Whether it is true; of `except`, too, though that is then what keeps the tag from running.
    pub value: bool,
    /// Why it has no value of its own, and counts as false.
    pub no_value: Option<NoValue>,
    /// What it read of the event and around it, by path; what is missing has no value.
    pub read: BTreeMap<String, Option<Value>>,
}

/// The parts of a condition that all have to be true, each as it is written. A condition that is none is one part.
pub fn parts(source: &str) -> Vec<String> {
    let parts = conjunction(source).unwrap_or_default();
    if parts.is_empty() { vec![source.to_owned()] } else { parts.iter().map(|part| part.source().to_owned()).collect() }
}

impl Trigger {
    /// Compiles a tag's trigger.
    ///
    /// # Errors
    /// When `when` or `except` is no expression, or `between` no two times.
    pub fn compile(tag: &model::Tag) -> Result<Self, TriggerError> {
        let mut clauses = vec![Clause::Integrations([tag.name.clone(), tag.uses.clone()])];
        let on = |name: &String| Kind::from_name(name).map_or_else(|| On::Name(name.clone()), On::Kind);
        clauses.extend(tag.on.as_ref().map(|names| Clause::On(names.iter().map(on).collect())));
        clauses.extend(tag.between.as_ref().map(Window::parse).transpose()?.map(Clause::Between));
        clauses.extend(tag.sample.map(|share| Clause::Sample(Sample(share))));
        let when = tag.when.as_deref().map(conjunction).transpose().map_err(TriggerError::When)?;
        clauses.extend(when.into_iter().flatten().map(Clause::When));
        let except = tag.except.as_deref().map(Expression::compile).transpose().map_err(TriggerError::Except)?;
        clauses.extend(except.map(Clause::Except));
        Ok(Trigger { clauses })
    }

    /// Tests an event that was received at that time, one clause after the other.
    ///
    /// # Errors
    /// The first clause that is false.
    pub fn test(&self, event: &Event, received_at: Timestamp, view: &View<'_>) -> Result<(), FalseClause> {
        self.clauses.iter().try_for_each(|clause| clause.test(event, received_at, view))
    }

    /// Every clause with what it comes to. What always holds and nobody wrote is left out.
    pub fn show(&self, event: &Event, received_at: Timestamp, view: &View<'_>) -> Vec<Shown> {
        let written = |clause: &&Clause| !matches!(clause, Clause::Integrations(_));
        self.clauses.iter().filter(written).map(|clause| clause.show(event, received_at, view)).collect()
    }
}

impl Clause {
    fn test(&self, event: &Event, received_at: Timestamp, view: &View<'_>) -> Result<(), FalseClause> {
        let holds = |holds, clause: fn() -> FalseClause| if holds { Ok(()) } else { Err(clause()) };
        match self {
            Clause::Integrations(names) => test_integrations(names, event),
            Clause::On(on) => holds(on.iter().any(|on| on.matches(event)), || FalseClause::On),
            Clause::Between(window) => holds(window.contains(received_at), || FalseClause::Between),
            Clause::Sample(sample) if sample.takes(event) => Ok(()),
            Clause::Sample(Sample(share)) => Err(FalseClause::Sample(share.to_string())),
            Clause::When(when) => match when.test(view) {
                Ok(true) => Ok(()),
                Ok(false) => Err(FalseClause::When(when.source().to_owned())),
                // A missing field makes a condition false; it is no error.
                Err(reason) => Err(FalseClause::NoValue(when.source().to_owned(), reason)),
            },
            Clause::Except(except) => match except.test(view) {
                Ok(true) => Err(FalseClause::Except(except.source().to_owned())),
                // Whoever sends too much must not get past it.
                Err(NoValue::Steps) => Err(FalseClause::NoAnswer(except.source().to_owned(), NoValue::Steps)),
                Ok(false) | Err(_) => Ok(()),
            },
        }
    }

    fn show(&self, event: &Event, received_at: Timestamp, view: &View<'_>) -> Shown {
        let of = |clause: String, read: &[(&str, Option<Value>)]| Shown {
            clause,
            value: self.test(event, received_at, view).is_ok(),
            no_value: None,
            read: read.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect(),
        };
        let text = |text: &str| Some(Value::from(text));
        match self {
            Clause::Integrations(_) => of("integrations".to_owned(), &[]),
            Clause::On(on) => {
                let name = if event.kind() == Kind::Track { "event.event" } else { "event.name" };
                let read = [("event.type", text(event.kind().name())), (name, event.name().map(Value::from))];
                of(format!("on {}", on.iter().map(On::name).collect::<Vec<_>>().join(", ")), &read)
            }
            Clause::Between(window) => {
                of(format!("between {window}"), &[("received", text(&format!("{received_at:.0}")))])
            }
            Clause::Sample(Sample(share)) => of(format!("sample {share}"), &[("user", event.user().map(Value::from))]),
            Clause::When(when) => Shown::of("when", when, view),
            Clause::Except(except) => Shown::of("except", except, view),
        }
    }
}

impl Shown {
    /// A condition with what it comes to.
    pub(crate) fn of(key: &str, expression: &Expression, view: &View<'_>) -> Self {
        let answer = expression.test(view);
        Shown {
            clause: format!("{key} {}", expression.source().split_whitespace().collect::<Vec<_>>().join(" ")),
            value: answer.unwrap_or(false),
            no_value: answer.err(),
            read: expression.shown(view),
        }
    }
}

/// Segment's `integrations`: `{"ga4": false}` switches one tag off, `{"All": false}` all but those named.
fn test_integrations(names: &[String; 2], event: &Event) -> Result<(), FalseClause> {
    let integrations = event.integrations();
    let of = |wanted: &str| {
        let entry = integrations.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        // An object holds options for the integration, and means yes.
        entry.map(|(_, value)| *value != Value::Bool(false))
    };
    if let Some((name, answer)) = names.iter().find_map(|name| Some((name, of(name)?))) {
        return if answer { Ok(()) } else { Err(FalseClause::Integrations(name.clone())) };
    }
    if of("all") == Some(false) { Err(FalseClause::Integrations("All".to_owned())) } else { Ok(()) }
}

impl On {
    fn matches(&self, event: &Event) -> bool {
        match self {
            On::Kind(kind) => event.kind() == *kind,
            On::Name(name) => event.name() == Some(name),
        }
    }

    fn name(&self) -> &str {
        match self {
            On::Kind(kind) => kind.name(),
            On::Name(name) => name,
        }
    }
}
