//! The container, as the variable `container` has it; read and compiled once for an instance.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use spin_sdk::variables;
use tagyard_pipeline::container::model;
use tagyard_pipeline::cors::{self, OfPages};
use tagyard_pipeline::enrich::Enrichment;
use tagyard_pipeline::identity::Identity;
use tagyard_pipeline::plan::Shared;
use tagyard_pipeline::remote::Deployment;
use tagyard_pipeline::sources;

use crate::room;
use crate::tag::Tag;

/// The shortest token that opens the operator's routes: one that can be guessed is none.
const TOKEN_BYTES: usize = 16;

/// A container that is ready to collect.
pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) rules: sources::Rules,
    /// What is found out from requests, and what is kept of each beside its events. Without a database of addresses: there are no files.
    pub(crate) enrichment: Enrichment,
    /// By what visitors are known again, if the container says anything of it. Without links, for which there is no store.
    pub(crate) identity: Option<Identity>,
    pub(crate) cors: OfPages,
    pub(crate) tags: Vec<Tag>,
    /// How long a vendor may take to answer.
    pub(crate) timeout: Duration,
    /// How long an event is tried again.
    pub(crate) max_age: Duration,
    /// How long dead letters are kept.
    pub(crate) keep_dead: Duration,
    /// The most events that wait.
    pub(crate) max_waiting: usize,
    /// What opens the operator's routes.
    pub(crate) token: Option<String>,
}

thread_local! {
    static APP: RefCell<Option<Rc<App>>> = const { RefCell::new(None) };
}

/// This instance's container. The text says what is wrong, for the operator.
pub(crate) async fn get() -> Result<Rc<App>, String> {
    if let Some(app) = APP.with_borrow(Clone::clone) {
        return Ok(app);
    }
    let app = Rc::new(App::read().await?);
    // Another request may have read it meanwhile; either is as good.
    APP.with_borrow_mut(|kept| *kept = Some(app.clone()));
    Ok(app)
}

impl App {
    async fn read() -> Result<Self, String> {
        let text = variables::get("container").await.map_err(|error| format!("the variable `container`: {error}"))?;
        let wrong = |error: &dyn std::fmt::Display| format!("the variable `container`: {error}");
        let Deployment { container, tags: places } = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        let secrets = webhook_secrets(&container).await;
        let value = |env: &str| secrets.iter().find(|(name, _)| name == env).map(|(_, value)| value.clone());
        let mut rules = sources::Rules::new(&container.collect, value).map_err(|error| wrong(&error))?;
        let identity = Identity::compile(&container).map_err(|error| wrong(&error))?;
        rules.finds_visitors = identity.as_ref().is_some_and(Identity::finds_visitors);
        let shared = Shared::compile(&container).map_err(|error| wrong(&error))?;
        let enrichment =
            Enrichment::compile(&container, shared.rules().asked(), None).map_err(|error| wrong(&error))?;
        let tag = |tag: &model::Tag| {
            let place = places.get(&tag.name).ok_or_else(|| wrong(&format!("`{}` is not among `tags`", tag.name)))?;
            Tag::new(tag, place, shared.clone(), container.deliver.timeout_seconds)
                .map_err(|error| wrong(&format!("the tag `{}`: {error}", tag.name)))
        };
        let tags = container.tags.iter().map(tag).collect::<Result<_, _>>()?;
        let token = variables::get("drain_token").await.ok().filter(|token| token.len() >= TOKEN_BYTES);
        let hours = |hours: u32| Duration::from_secs(u64::from(hours) * 3_600);
        Ok(App {
            cors: cors::layer(&container.collect.origins),
            timeout: Duration::from_secs(container.deliver.timeout_seconds.into()),
            max_age: hours(container.deliver.max_age_hours),
            keep_dead: hours(container.journal.keep_dead_days.saturating_mul(24)),
            max_waiting: room::most(&container),
            name: container.name,
            rules,
            enrichment,
            identity,
            tags,
            token,
        })
    }
}

/// What webhooks' senders have to show, by the name of the environment variable that the container gives it.
async fn webhook_secrets(container: &model::Container) -> Vec<(String, String)> {
    let mut secrets = Vec::new();
    for webhook in &container.collect.webhooks {
        for secret in [&webhook.key, &webhook.signature].into_iter().flatten() {
            let variable = format!("secret_{}", secret.env.to_ascii_lowercase());
            if let Ok(value) = variables::get(variable).await
                && !value.is_empty()
            {
                secrets.push((secret.env.clone(), value));
            }
        }
    }
    secrets
}
