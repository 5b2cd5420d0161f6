//! How a webhook's body becomes events: CEL over what came in.

use std::sync::{Arc, LazyLock};

use cel::{Context, Env, Program, Value as CelValue};
use serde_json::{Map, Value};

use super::value::to_cel;
use super::{WebhookError, content};
use crate::container::model;
use crate::expression::{Expression, ExpressionError, NoValue, no_value, to_json};
use crate::free::unknown_variable;
use crate::path::Path;
use crate::sources::Refusal;
use crate::sources::query::Params;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

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

/// Compiles an expression of a webhook.
///
/// # Errors
/// A syntax error, or a variable that is not there.
pub fn compile(source: &str, variables: Variables) -> Result<Program, ExpressionError> {
    let Ok(program) = Program::compile(source) else {
        // It says where.
        let error = Expression::compile(source).err();
        return Err(error.unwrap_or(ExpressionError { message: "this is no CEL expression".to_owned(), offset: None }));
    };
    let unknown = unknown_variable(program.expression(), variables.names());
    let Some(name) = unknown else { return Ok(program) };
    let known = variables.names().join("`, `");
    let mut message = format!("unknown variable `{name}`: a webhook's expression sees `{known}`");
    if name == "item" {
        message.push_str("; `item` is there with `each`");
    }
    Err(ExpressionError { message, offset: source.find(&name) })
}

/// A webhook's expressions.
#[derive(Debug)]
pub(super) struct Mapping {
    each: Option<Program>,
    when: Option<Program>,
    set: Vec<(Path, String, Program)>,
}

/// What a request's expressions see, converted once.
pub(super) struct Scope {
    body: CelValue,
    query: CelValue,
    headers: CelValue,
}

impl Scope {
    pub(super) fn new(body: &Value, query: &Params<'_>, headers: Map<String, Value>) -> Self {
        let query = Value::Object(content::form(query));
        Scope { body: to_cel(body), query: to_cel(&query), headers: to_cel(&Value::Object(headers)) }
    }

    fn run(&self, program: &Program, item: Option<&Value>) -> Result<CelValue, NoValue> {
        let mut context = Context::with_env(ENV.clone());
        context.add_variable_from_value("body", self.body.clone());
        context.add_variable_from_value("query", self.query.clone());
        context.add_variable_from_value("headers", self.headers.clone());
        if let Some(item) = item {
            context.add_variable_from_value("item", to_cel(item));
        }
        program.execute(&context).map_err(|error| no_value(&error))
    }
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

    /// What becomes an event each: the elements of `each`, or the request as a whole.
    pub(super) fn items(&self, scope: &Scope) -> Result<Vec<Option<Value>>, Refusal> {
        let Some(each) = &self.each else { return Ok(vec![None]) };
        match scope.run(each, None).and_then(|list| to_json(&list)) {
            Ok(Value::Array(items)) => Ok(items.into_iter().map(Some).collect()),
            // A body without a list has no events.
            Err(NoValue::Missing) => Ok(Vec::new()),
            Ok(_) | Err(_) => Err(Refusal::bad_request("no_list", "the webhook's `each` gives no list for this body")),
        }
    }

    /// The event, or `None` where `when` is not true of it.
    pub(super) fn event(&self, scope: &Scope, item: Option<&Value>) -> Result<Option<Map<String, Value>>, String> {
        if let Some(when) = &self.when
            && !matches!(scope.run(when, item), Ok(CelValue::Bool(true)))
        {
            return Ok(None);
        }
        let mut event = Map::new();
        for (path, name, program) in &self.set {
            match scope.run(program, item).and_then(|value| to_json(&value)) {
                Ok(value) => path.set(&mut event, value),
                // What the service left out, the event does without.
                Err(NoValue::Missing) => {}
                Err(error) => return Err(format!("`{name}` has no value: {error}")),
            }
        }
        event.entry("type").or_insert(Value::from("track"));
        event.entry("channel").or_insert(Value::from("server"));
        Ok(Some(event))
    }
}
