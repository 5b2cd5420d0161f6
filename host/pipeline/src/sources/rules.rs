//! What a container says about collecting, made ready for the sources.

use super::webhook::{Webhook, WebhookError};
use crate::container::model::Collect;

/// A container's rules of collecting: its options, and its webhooks with their expressions compiled and their secrets read.
#[derive(Debug, Default)]
pub struct Rules {
    pub options: Collect,
    pub(super) webhooks: Vec<Webhook>,
    /// Whether it is found out afterwards whom an event of a browser is about that does not say it.
    pub finds_visitors: bool,
}

/// Why a container cannot collect. A container that was checked has none of it.
#[derive(Debug, thiserror::Error)]
#[error("the webhook at `{path}`: {error}")]
pub struct RulesError {
    path: String,
    error: WebhookError,
}

impl Rules {
    /// `secret` reads an environment variable.
    ///
    /// # Errors
    /// When a webhook's expression does not compile, or its secret is not there.
    pub fn new(options: &Collect, secret: impl Fn(&str) -> Option<String>) -> Result<Self, RulesError> {
        let webhook = |spec| Webhook::new(spec, &secret).map_err(|error| RulesError { path: spec.path.clone(), error });
        let webhooks = options.webhooks.iter().map(webhook).collect::<Result<_, _>>()?;
        Ok(Rules { options: options.clone(), webhooks, finds_visitors: false })
    }

    /// A request's path as sources know it: without the container's prefix. A path that does not have it stays as it is, for
    /// proxies that take the prefix off themselves.
    pub fn path<'p>(&self, path: &'p str) -> &'p str {
        let Some(prefix) = self.options.prefix.as_deref() else { return path };
        path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_taken_off_at_a_slash() {
        let check = |prefix: Option<&str>, path: &str, expected: &str| {
            let options = Collect { prefix: prefix.map(str::to_owned), ..Collect::default() };
            assert_eq!(Rules { options, ..Rules::default() }.path(path), expected, "{prefix:?} {path}");
        };
        check(None, "/v1/track", "/v1/track");
        check(Some("/metrics"), "/metrics/v1/track", "/v1/track");
        check(Some("/metrics"), "/v1/track", "/v1/track");
        check(Some("/metrics"), "/metricsx/v1/track", "/metricsx/v1/track");
        check(Some("/metrics"), "/metrics", "/metrics");
        check(Some("/a/b"), "/a/b/i", "/i");
    }
}
