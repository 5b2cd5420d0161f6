//! Triggers: whether a tag runs for an event.

use serde_json::Value;

use crate::container::model;
use crate::event::{Event, Kind};
use crate::expression::{Expression, ExpressionError, NoValue, View};

/// A tag's trigger, compiled.
#[derive(Debug)]
pub struct Trigger {
    /// By what the sender's `integrations` may name the tag: its name, and its component's.
    names: [String; 2],
    on: Option<Vec<On>>,
    /// All of them have to be true.
    when: Vec<Expression>,
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
    #[error("`{0}` is false")]
    When(String),
    #[error("`{0}` is false, since {1}")]
    NoValue(String, NoValue),
}

impl Trigger {
    /// Compiles a tag's trigger.
    ///
    /// # Errors
    /// When `when` is no expression.
    pub fn compile(tag: &model::Tag) -> Result<Self, ExpressionError> {
        let on = tag.on.as_ref().map(|names| {
            names.iter().map(|name| Kind::from_name(name).map_or_else(|| On::Name(name.clone()), On::Kind)).collect()
        });
        let when = tag.when.as_deref().map(clauses).transpose()?.unwrap_or_default();
        Ok(Trigger { names: [tag.name.clone(), tag.uses.clone()], on, when })
    }

    /// Tests an event, one clause after the other.
    ///
    /// # Errors
    /// The first clause that is false.
    pub fn test(&self, event: &Event, view: &View<'_>) -> Result<(), FalseClause> {
        self.test_integrations(event)?;
        if self.on.as_ref().is_some_and(|on| !on.iter().any(|on| on.matches(event))) {
            return Err(FalseClause::On);
        }
        for clause in &self.when {
            match clause.test(view) {
                Ok(true) => {}
                Ok(false) => return Err(FalseClause::When(clause.source().to_owned())),
                // A missing field makes a condition false; it is no error.
                Err(reason) => return Err(FalseClause::NoValue(clause.source().to_owned(), reason)),
            }
        }
        Ok(())
    }

    /// Segment's `integrations`: `{"ga4": false}` switches one tag off, `{"All": false}` all but those named.
    fn test_integrations(&self, event: &Event) -> Result<(), FalseClause> {
        let integrations = event.integrations();
        let of = |wanted: &str| {
            let entry = integrations.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            // An object holds options for the integration, and means yes.
            entry.map(|(_, value)| *value != Value::Bool(false))
        };
        if let Some((name, answer)) = self.names.iter().find_map(|name| Some((name, of(name)?))) {
            return if answer { Ok(()) } else { Err(FalseClause::Integrations(name.clone())) };
        }
        if of("all") == Some(false) { Err(FalseClause::Integrations("All".to_owned())) } else { Ok(()) }
    }
}

impl On {
    fn matches(&self, event: &Event) -> bool {
        match self {
            On::Kind(kind) => event.kind() == *kind,
            On::Name(name) => event.name() == Some(name),
        }
    }
}

/// The parts of a conjunction, each compiled by itself, so that a person is told which one was false.
fn clauses(source: &str) -> Result<Vec<Expression>, ExpressionError> {
    let whole = Expression::compile(source)?;
    let parts: Option<Vec<Expression>> = conjuncts(source)
        .map(|parts| parts.into_iter().filter_map(|part| Expression::compile(part.trim()).ok()).collect());
    match parts {
        Some(parts) if parts.len() > 1 && parts.len() == conjuncts(source).map_or(0, |parts| parts.len()) => Ok(parts),
        _ => Ok(vec![whole]),
    }
}

/// Splits at the `&&` that stand outside of parentheses and strings. `None` where an operator that binds less tightly
/// stands there too.
fn conjuncts(source: &str) -> Option<Vec<&str>> {
    let (mut depth, mut quote, mut start) = (0i32, None, 0);
    let mut parts = Vec::new();
    let bytes = source.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth -= 1,
            (None, b'?') if depth == 0 => return None,
            (None, b'|') if depth == 0 => return None,
            (None, b'&') if depth == 0 && bytes.get(at + 1) == Some(&b'&') => {
                parts.push(&source[start..at]);
                at += 1;
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(&source[start..]);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(tag: Value, event: Value, expected: Result<(), &str>) {
        let mut whole = json!({"name": "ga4-web", "use": "ga4"});
        whole.as_object_mut().expect("object").append(tag.as_object().cloned().as_mut().expect("object"));
        let tag: model::Tag = serde_json::from_value(whole).expect("tag");
        let mut fields = json!({"type": "track", "event": "Order Completed", "messageId": "m", "userId": "u"});
        fields.as_object_mut().expect("object").append(event.as_object().cloned().as_mut().expect("object"));
        let event: Event = serde_json::from_value(fields).expect("event");
        let trigger = Trigger::compile(&tag).expect("trigger");
        let actual = trigger.test(&event, &View::of(&event)).map_err(|clause| clause.to_string());
        assert_eq!(actual, expected.map_err(str::to_owned), "{tag:?}");
    }

    #[test]
    fn runs_by_name_type_and_condition() {
        check(json!({}), json!({}), Ok(()));
        check(json!({"on": ["page", "Order Completed"]}), json!({}), Ok(()));
        check(json!({"on": ["page"]}), json!({}), Err("`on` names neither the event nor its type"));
        check(json!({"on": ["Home"]}), json!({"type": "page", "name": "Home"}), Ok(()));
        check(json!({"when": "event.properties.revenue > 10.0"}), json!({"properties": {"revenue": 11}}), Ok(()));
    }

    #[test]
    fn names_the_clause_that_was_false() {
        let when = "has(event.userId) && event.properties.revenue > 10.0 && (event.a || event.b)";
        check(
            json!({"when": when}),
            json!({"properties": {"revenue": 9}}),
            Err("`event.properties.revenue > 10.0` is false"),
        );
        check(
            json!({"when": when}),
            json!({}),
            Err("`event.properties.revenue > 10.0` is false, since a field is missing"),
        );
        check(json!({"when": "event.event == 'a && b' && true"}), json!({}), Err("`event.event == 'a && b'` is false"));
        check(json!({"when": "false && true || false"}), json!({}), Err("`false && true || false` is false"));
    }

    #[test]
    fn honours_the_senders_integrations() {
        check(
            json!({}),
            json!({"integrations": {"GA4": false}}),
            Err("the sender switched `ga4` off in `integrations`"),
        );
        check(
            json!({}),
            json!({"integrations": {"All": false}}),
            Err("the sender switched `All` off in `integrations`"),
        );
        check(json!({}), json!({"integrations": {"All": false, "ga4-web": {"clientId": 1}}}), Ok(()));
        check(json!({}), json!({"integrations": {"Mixpanel": false}}), Ok(()));
    }
}
