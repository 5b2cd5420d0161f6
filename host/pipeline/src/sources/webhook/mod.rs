//! Webhooks: other services' JSON or forms, which the container maps with CEL, at paths that it names.
//!
//! What a mapping makes of a body that it does not fit is no mistake of the sender's: such an event is set aside, and the
//! sender is answered as usual, so that it neither tries again nor gives up on us.

mod content;
mod mapping;
mod sender;

pub use mapping::{Variables, check};

use std::borrow::Cow;

use http::Method;
use serde_json::{Map, Value};

use self::mapping::{Mapping, Scope};
use self::sender::Sender;
use super::gather::{Gathered, check_count, check_length, finish};
use super::item::Surroundings;
use super::limits::MAX_MERGED_BYTES;
use super::query::Params;
use super::{Answer, BadEvent, Head, Incoming, Parsed, Refusal, Rules, Source, body, key};
use crate::container::model;
use crate::event::Event;
use crate::expression::ExpressionError;

/// The source `webhook`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Webhooks;

/// One webhook of a container, ready to be used.
#[derive(Debug)]
pub(super) struct Webhook {
    path: String,
    sender: Sender,
    mapping: Mapping,
}

/// Why a webhook cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error("`{0}`: {1}")]
    Expression(String, ExpressionError),
    #[error("`{0}` is no path of a field")]
    Path(String),
    #[error("`{0}` is no name of a header")]
    Header(String),
    #[error("the environment variable `{0}` is not set")]
    Secret(String),
}

impl Webhook {
    pub(super) fn new(spec: &model::Webhook, secret: &dyn Fn(&str) -> Option<String>) -> Result<Self, WebhookError> {
        Ok(Webhook { path: spec.path.clone(), sender: Sender::new(spec, secret)?, mapping: Mapping::new(spec)? })
    }
}

impl Source for Webhooks {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn takes(&self) -> &'static str {
        "POST at the paths of `[[collect.webhook]]`"
    }

    fn claims(&self, head: &Head<'_>, rules: &Rules) -> bool {
        head.method == Method::POST && rules.webhooks.iter().any(|webhook| webhook.path == head.path)
    }

    fn keys(&self, request: &Incoming<'_>) -> Vec<String> {
        let query = Params::parse(request.query.unwrap_or_default());
        key::of_backend(request.headers, &query).into_iter().map(Cow::into_owned).collect()
    }

    fn parse(&self, request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
        let webhook = rules.webhooks.iter().find(|webhook| webhook.path == request.path);
        let webhook = webhook.ok_or_else(Refusal::unknown_path)?;
        let query = Params::parse(request.query.unwrap_or_default());
        webhook.sender.check(request, &query, rules)?;
        let text = body::text(request.headers, request.body)?;
        let content = content::read(request.headers, &text)?;
        let headers = webhook.sender.shown(request.headers);
        let scope = Scope::new(content, &query, headers);
        let (items, left) = webhook.mapping.items(&scope)?;
        check_count(items.len(), 0)?;
        let surroundings = Surroundings::new(&text, request, rules);
        let max = rules.options.max_event_bytes;
        let mut gathered = Gathered::default();
        let mut bytes = 0_usize;
        let mut work = scope.work(left);
        for (position, item) in items.iter().enumerate() {
            let made = webhook.mapping.event(&mut work, item.as_ref())?;
            let original = || item.as_ref().unwrap_or(scope.body()).clone();
            let event = match made {
                Ok(Some(made)) => event(&made, position, &surroundings, max, original),
                Ok(None) => continue,
                Err(reason) => Err(BadEvent { position, reason, event: kept(original(), max) }),
            };
            // Each of many events may hold the whole body: what they come to together is bounded, too.
            bytes = bytes.saturating_add(event.as_ref().map_or(0, |event| event.object().text_len()));
            if bytes > MAX_MERGED_BYTES {
                let message =
                    format!("the body becomes more than {MAX_MERGED_BYTES} bytes of events: send less at once");
                return Err(Refusal::too_large("batch_too_large", message));
            }
            gathered.add(event);
        }
        Ok(Parsed { events: gathered.events, bad: gathered.bad, answer: Answer::Success })
    }
}

fn event(
    made: &Map<String, Value>,
    position: usize,
    surroundings: &Surroundings<'_>,
    max: usize,
    original: impl Fn() -> Value,
) -> Result<Event, BadEvent> {
    let event = finish(surroundings, made, position, || kept(original(), max))?;
    check_length(event.object().text_len(), max).map_err(|reason| BadEvent { position, reason, event: Value::Null })?;
    Ok(event)
}

/// What goes into a dead letter: a body may be longer than an event.
fn kept(original: Value, max: usize) -> Value {
    if serde_json::to_string(&original).is_ok_and(|text| text.len() <= max) { original } else { Value::Null }
}
