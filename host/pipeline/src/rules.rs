//! What a container says for all its tags: variables, consent, and what of a request they ask for; and what comes of it for one event.

use std::sync::OnceLock;

use serde_json::{Map, Value};

use crate::accepted::Accepted;
use crate::consent::{PurposeError, Purposes, Signals, Verdict};
use crate::container::model;
use crate::expression::{Around, Expression, NoValue, Nothing, View};
use crate::request::Asked;
use crate::variables::{Values, VariableError, Variables};

/// A container's rules, compiled.
#[derive(Debug, Default)]
pub struct Rules {
    variables: Variables,
    purposes: Purposes,
    asked: Asked,
}

/// Why rules do not compile. A checked container has none such.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RulesError {
    #[error(transparent)]
    Variable(#[from] VariableError),
    #[error(transparent)]
    Purpose(#[from] PurposeError),
}

/// What was found out about an event, once for all its tags. It belongs to the event's container.
#[derive(Debug, Default)]
pub struct Memo {
    request: OnceLock<Map<String, Value>>,
    signals: OnceLock<Signals>,
    values: OnceLock<Values>,
}

impl Rules {
    /// Compiles a container's rules.
    ///
    /// # Errors
    /// When a variable or a purpose does not compile.
    pub fn compile(container: &model::Container) -> Result<Self, RulesError> {
        let variables = Variables::compile(&container.vars)?;
        let purposes = Purposes::compile(&container.consent)?;
        let mut asked = Asked::default();
        let mut uses_consent = container.tags.iter().any(|tag| !tag.consent.is_empty());
        for expression in expressions(container) {
            asked.add(expression.reads());
            uses_consent |= expression.reads().root("consent").is_some();
        }
        if uses_consent {
            let by_name = std::mem::take(&mut asked);
            purposes.ask(&mut asked);
            asked.also(by_name);
        }
        Ok(Rules { variables, purposes, asked })
    }

    /// What is to be kept of the requests that bring its events.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }
}

/// Every expression of a container that reads a request or consent, wherever it stands. A text that only looks like one has a name kept
/// for nothing; one that were forgotten would have nothing to read.
fn expressions(container: &model::Container) -> Vec<Expression> {
    fn gather(value: &Value, found: &mut Vec<Expression>) {
        match value {
            Value::String(text) if text.contains("request") || text.contains("consent") => {
                found.extend(Expression::compile(text));
            }
            Value::Array(items) => items.iter().for_each(|item| gather(item, found)),
            // Their texts are their vendors', not expressions.
            Value::Object(object) => {
                let members =
                    object.iter().filter(|(key, _)| !["settings", "secrets", "allow"].contains(&key.as_str()));
                members.for_each(|(_, value)| gather(value, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    gather(&serde_json::to_value(container).unwrap_or_default(), &mut found);
    found
}

/// An event, or what is left of it, with everything that a container's expressions see around it.
pub struct Scope<'e> {
    rules: &'e Rules,
    accepted: &'e Accepted,
    memo: &'e Memo,
    /// What is left of the event without whom it is about; expressions then see nothing of the request either.
    anonymous: Option<&'e Map<String, Value>>,
}

impl<'e> Scope<'e> {
    pub fn new(rules: &'e Rules, accepted: &'e Accepted) -> Self {
        Scope { rules, accepted, memo: accepted.memo(), anonymous: None }
    }

    /// The same event with only `fields` of it left. Variables are computed anew from those, into `memo`.
    pub fn anonymous(&self, fields: &'e Map<String, Value>, memo: &'e Memo) -> Scope<'e> {
        Scope { rules: self.rules, accepted: self.accepted, memo, anonymous: Some(fields) }
    }

    pub fn view(&self) -> View<'_> {
        let view = match self.anonymous {
            Some(fields) => View::new(fields),
            None => View::of(&self.accepted.event),
        };
        view.within(self)
    }

    /// What is known of consent to a purpose.
    pub fn consent(&self, purpose: &str) -> Verdict {
        let signals = self
            .accepted
            .memo()
            .signals
            .get_or_init(|| Signals::read(self.accepted.event.fields(), self.kept(), &self.rules.purposes));
        self.rules.purposes.verdict(purpose, signals)
    }

    /// What is kept of the request, whether or not expressions see it.
    fn kept(&self) -> &'e Map<String, Value> {
        self.accepted.memo().request.get_or_init(|| self.accepted.request.fields())
    }
}

impl Around for Scope<'_> {
    fn request(&self) -> &Map<String, Value> {
        match self.anonymous {
            Some(_) => Nothing.request(),
            None => self.kept(),
        }
    }

    fn variable(&self, name: &str) -> Result<&Value, NoValue> {
        let values = self.memo.values.get_or_init(|| self.rules.variables.values());
        self.rules.variables.value(name, values, &self.view(), self.accepted.event.message_id())
    }

    fn is_given(&self, purpose: &str) -> bool {
        self.consent(purpose).is_given
    }
}

/// A copy of an event has nothing found out about it yet.
impl Clone for Memo {
    fn clone(&self) -> Self {
        Memo::default()
    }
}

/// It follows from the event, and tells no two apart.
impl PartialEq for Memo {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
