//! How a webhook's body becomes events: CEL over what came in.

use cel::Context;
use cel::common::value::Val;
use serde_json::{Map, Value};

use super::{WebhookError, content};
use crate::container::model;
use crate::expression::{Code, ExpressionError, NoValue, Times, WEBHOOK_STEPS, context, to_json, whole};
use crate::outline::Outline;
use crate::path::Path;
use crate::sources::Refusal;
use crate::sources::query::Params;

/// Which variables an expression may name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Variables {
    /// `body`, `query` and `headers`.
    Request,
    /// `item` as well: an element of what `each` gives.
    Item,
}

impl Variables {
    fn names(self) -> &'static [&'static str] {
        match self {
            Variables::Request => &["body", "query", "headers"],
            Variables::Item => &["body", "query", "headers", "item"],
        }
    }
}

/// Checks an expression of a webhook.
///
/// # Errors
/// A syntax error, a variable or a function that there is not, a pattern that is none.
pub fn check(source: &str, variables: Variables) -> Result<(), ExpressionError> {
    compile(source, variables).map(drop)
}

fn compile(source: &str, variables: Variables) -> Result<Code, ExpressionError> {
    Code::compile(source, variables.names(), "a webhook's expression", Times::Many).map_err(|mut error| {
        if error.message.starts_with("unknown variable `item`") {
            error.message.push_str("; `item` is there with `each`");
        }
        error
    })
}

/// A webhook's expressions.
#[derive(Debug)]
pub(super) struct Mapping {
    each: Option<Code>,
    when: Option<Code>,
    set: Vec<(Path, String, Code)>,
}

/// What a request's expressions see.
pub(super) struct Scope {
    body: Value,
    query: Value,
    headers: Value,
}

/// A request's expressions at work. What they see is converted once, and they have one number of steps.
pub(super) struct Work<'s> {
    context: Context<'s, 's>,
    left: Option<u64>,
}

impl Scope {
    pub(super) fn new(body: Value, query: &Params<'_>, headers: Map<String, Value>) -> Self {
        Scope { body, query: Value::Object(content::form(query)), headers: Value::Object(headers) }
    }

    pub(super) fn body(&self) -> &Value {
        &self.body
    }

    /// `left` is how many steps are left.
    pub(super) fn work(&self, left: Option<u64>) -> Work<'_> {
        let mut context = context();
        for (name, value) in [("body", &self.body), ("query", &self.query), ("headers", &self.headers)] {
            context.add_variable_as_val(name, whole(value));
        }
        Work { context, left }
    }
}

fn value(code: &Code, context: &Context<'_, '_>, left: &mut Option<u64>) -> Result<Value, NoValue> {
    let value = code.run(context, left)?;
    to_json(&cel::Value::try_from(value.as_ref()).map_err(|_| NoValue::Type)?)
}

impl Mapping {
    pub(super) fn new(spec: &model::Webhook) -> Result<Self, WebhookError> {
        let ready = |source: &String, variables| {
            compile(source, variables).map_err(|error| WebhookError::Expression(source.clone(), error))
        };
        let variables = if spec.each.is_some() { Variables::Item } else { Variables::Request };
        let field = |(path, source): (&String, &String)| {
            let parsed = Path::parse(path).map_err(|_| WebhookError::Path(path.clone()))?;
            Ok((parsed, path.clone(), ready(source, variables)?))
        };
        Ok(Mapping {
            each: spec.each.as_ref().map(|source| ready(source, Variables::Request)).transpose()?,
            when: spec.when.as_ref().map(|source| ready(source, variables)).transpose()?,
            set: spec.set.iter().map(field).collect::<Result<_, _>>()?,
        })
    }

    /// What becomes an event each: the elements of `each`, or the request as a whole; and how many steps are left.
    pub(super) fn items(&self, scope: &Scope) -> Result<(Vec<Option<Value>>, Option<u64>), Refusal> {
        let mut left = Some(WEBHOOK_STEPS);
        let Some(each) = &self.each else { return Ok((vec![None], left)) };
        match value(each, &scope.work(left).context, &mut left) {
            Ok(Value::Array(items)) => Ok((items.into_iter().map(Some).collect(), left)),
            // A body without a list has no events.
            Err(NoValue::Missing) => Ok((Vec::new(), left)),
            Err(NoValue::Steps) => Err(too_many_steps()),
            Ok(_) | Err(_) => Err(Refusal::bad_request("no_list", "the webhook's `each` gives no list for this body")),
        }
    }

    /// The event, or `None` where `when` is not true of it; within, why there is none.
    ///
    /// # Errors
    /// When the request is too much work.
    pub(super) fn event<'s>(
        &self,
        work: &mut Work<'s>,
        item: Option<&'s Value>,
    ) -> Result<Result<Option<Map<String, Value>>, String>, Refusal> {
        let mut context = work.context.new_inner_scope();
        let item: Option<Box<dyn Val + 's>> = item.map(whole);
        item.into_iter().for_each(|item| context.add_variable_as_val("item", item));
        if let Some(when) = &self.when {
            match value(when, &context, &mut work.left) {
                Ok(Value::Bool(true)) => {}
                Err(NoValue::Steps) => return Err(too_many_steps()),
                Ok(_) | Err(_) => return Ok(Ok(None)),
            }
        }
        let mut event = Outline::default();
        for (path, name, code) in &self.set {
            match value(code, &context, &mut work.left) {
                Ok(value) => path.set(&mut event, &value),
                // What the service left out, the event does without.
                Err(NoValue::Missing) => {}
                Err(NoValue::Steps) => return Err(too_many_steps()),
                Err(error) => return Ok(Err(format!("`{name}` has no value: {error}"))),
            }
        }
        let mut event = event.to_map();
        event.entry("type").or_insert(Value::from("track"));
        event.entry("channel").or_insert(Value::from("server"));
        Ok(Ok(Some(event)))
    }
}

fn too_many_steps() -> Refusal {
    let message = format!(
        "the webhook's expressions would take more than {WEBHOOK_STEPS} steps for this body: send less at once"
    );
    Refusal::too_large("too_many_steps", message)
}
