//! What a container says for all its tags: variables, consent, and what of a request they ask for; and what comes of it for one event.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use crate::accepted::Accepted;
use crate::consent::{PurposeError, Purposes, Signals, Verdict};
use crate::container::model;
use crate::expression::{Around, Expression, NoValue, Nothing, View};
use crate::identity::Identity;
use crate::outline::Outline;
use crate::request::Asked;
use crate::transform::Filtered;
use crate::variables::{Values, VariableError, Variables};
use crate::visitor::Visitor;

/// A container's rules, compiled.
#[derive(Debug)]
pub struct Rules {
    /// Tells these rules from those of another container, or of the same one before a reload.
    id: u64,
    variables: Variables,
    purposes: Purposes,
    asked: Asked,
    identity: Option<Arc<Identity>>,
}

/// Why rules do not compile. A checked container has none such.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RulesError {
    #[error(transparent)]
    Variable(#[from] VariableError),
    #[error(transparent)]
    Purpose(#[from] PurposeError),
}

/// What was found out about an event, once for all its tags.
#[derive(Debug, Default)]
pub struct Memo {
    /// The rules by which it was found out: those that asked first.
    rules: OnceLock<u64>,
    request: OnceLock<Map<String, Value>>,
    signals: OnceLock<Signals>,
    visitor: Visitor,
    values: OnceLock<Values>,
    /// What the first transformations make of it, which are for all tags; `None` where they change nothing.
    changed: OnceLock<Result<Option<Outline>, Filtered>>,
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
        let identity = Identity::compile(container)?.map(Arc::new);
        let mut uses_consent = identity.is_some() || container.tags.iter().any(|tag| !tag.consent.is_empty());
        for expression in expressions(container) {
            asked.add(expression.reads());
            uses_consent |= expression.reads().root("consent").is_some();
        }
        if uses_consent {
            let by_name = std::mem::take(&mut asked);
            purposes.ask(&mut asked);
            asked.also(by_name);
        }
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Ok(Rules { id: NEXT.fetch_add(1, Ordering::Relaxed), variables, purposes, asked, identity })
    }

    /// What is to be kept of the requests that bring its events.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// By what its visitors are known again, if the container says anything of it.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref()
    }
}

/// Keys of a tag below which no text is an expression.
const OTHERS: [&str; 3] = ["settings", "secrets", "allow"];

/// What expressions read that is kept beside an event only if one does.
const ROOTS: [&str; 3] = ["request", "consent", "visitor"];

/// Every expression of a container that reads one of these, wherever it stands. A text that only looks like one has a name kept
/// for nothing; one that were forgotten would have nothing to read.
fn expressions(container: &model::Container) -> Vec<Expression> {
    fn gather(value: &Value, found: &mut Vec<Expression>) {
        match value {
            Value::String(text) if ROOTS.iter().any(|root| text.contains(root)) => {
                found.extend(Expression::compile(text));
            }
            Value::Array(items) => items.iter().for_each(|item| gather(item, found)),
            Value::Object(object) => object.values().for_each(|value| gather(value, found)),
            _ => {}
        }
    }
    let mut json = serde_json::to_value(container).unwrap_or_default();
    for tag in json.get_mut("tag").and_then(Value::as_array_mut).into_iter().flatten() {
        // Their texts are their vendors', not expressions.
        tag.as_object_mut().into_iter().for_each(|tag| tag.retain(|key, _| !OTHERS.contains(&key.as_str())));
    }
    let mut found = Vec::new();
    gather(&json, &mut found);
    found
}

/// An event, or what is left of it, with everything that a container's expressions see around it.
pub struct Scope<'e> {
    rules: &'e Rules,
    accepted: &'e Accepted,
    /// What was found out about the event as it came, and as expressions see it.
    found: &'e Memo,
    memo: &'e Memo,
    /// What is left of the event without whom it is about; expressions then see nothing of the request either.
    anonymous: Option<&'e Outline>,
}

impl<'e> Scope<'e> {
    /// `spare` is for what is found out about an event of which other rules have asked already, as after a reload.
    pub fn new(rules: &'e Rules, accepted: &'e Accepted, spare: &'e Memo) -> Self {
        let memo = if accepted.memo().is_of(rules) { accepted.memo() } else { spare };
        Scope { rules, accepted, found: memo, memo, anonymous: None }
    }

    /// The same event with only `fields` of it left. Variables are computed anew from those, into `memo`.
    pub fn anonymous(&self, fields: &'e Outline, memo: &'e Memo) -> Scope<'e> {
        Scope { memo, anonymous: Some(fields), ..*self }
    }

    pub fn view(&self) -> View<'_> {
        let view = match self.anonymous {
            Some(fields) => View::new(fields),
            None => View::of(&self.accepted.event),
        };
        view.within(self)
    }

    /// What transformations that are for all tags make of the event, found out once. Of an anonymous one each tag finds it out by itself.
    pub fn changed(
        &self,
        change: impl FnOnce(&View<'_>) -> Result<Option<Outline>, Filtered>,
    ) -> &'e Result<Option<Outline>, Filtered> {
        self.memo.changed.get_or_init(|| change(&self.view()))
    }

    /// What is known of consent to a purpose.
    pub fn consent(&self, purpose: &str) -> Verdict {
        self.rules.purposes.verdict(purpose, self.signals())
    }

    fn signals(&self) -> &'e Signals {
        self.found.signals.get_or_init(|| {
            let context = self.accepted.event.outline().root().member("context");
            let of = |name| Some(context?.member(name)?.to_value());
            Signals::read(&of("consent").unwrap_or_default(), || of("location"), self.kept(), &self.rules.purposes)
        })
    }

    /// What is kept of the request, whether or not expressions see it.
    fn kept(&self) -> &'e Map<String, Value> {
        self.found.request.get_or_init(|| {
            let mut kept = self.accepted.request.fields();
            if self.rules.asked.asks_for_source() {
                kept.insert("source".to_owned(), Value::from(&*self.accepted.source));
            }
            kept
        })
    }
}

impl Around for Scope<'_> {
    fn request(&self) -> &Map<String, Value> {
        match self.anonymous {
            Some(_) => Nothing.request(),
            None => self.kept(),
        }
    }

    fn visitor(&self, name: &str) -> Option<&Value> {
        match self.anonymous {
            Some(_) => None,
            None => self.found.visitor.get(name, &self.accepted.event, self.kept()),
        }
    }

    fn variable(&self, name: &str) -> Result<&Value, NoValue> {
        let values = self.memo.values.get_or_init(|| self.rules.variables.values());
        self.rules.variables.value(name, values, &self.view(), self.accepted.event.message_id())
    }

    fn is_given(&self, purpose: &str) -> bool {
        self.rules.purposes.is_given(purpose, self.signals())
    }
}

impl Memo {
    fn is_of(&self, rules: &Rules) -> bool {
        *self.rules.get_or_init(|| rules.id) == rules.id
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_expression_reads_is_kept_whatever_its_key_is_called_and_a_vendors_text_is_none() {
        let check = |part: Value, is_kept: bool| {
            let mut container = json!({"name": "shop", "collect": {"write_keys": ["k"]}});
            container.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
            let rules = Rules::compile(&serde_json::from_value(container).unwrap()).unwrap();
            assert_eq!(*rules.asked() != Asked::default(), is_kept, "{part}");
        };
        check(json!({"vars": {"allow": "request.ip"}}), true);
        check(json!({"transform": [{"set": {"settings": "request.path"}}]}), true);
        check(json!({"tag": [{"name": "a", "use": "webhook", "when": "request.host == 'a'"}]}), true);
        check(json!({"tag": [{"name": "a", "use": "webhook", "settings": {"text": "request.ip"}}]}), false);
        check(json!({"vars": {"site": "event.name"}}), false);
        check(json!({"vars": {"near": "visitor.country == 'AT'"}}), true);
        check(json!({"vars": {"browser": "visitor.browser"}}), false);
        let tags = json!([{"name": "a", "use": "webhook", "consent": ["ads"]}]);
        check(json!({"tag": tags, "consent": {"ads": {"default_in": {"US": "given"}}}}), true);
    }
}
