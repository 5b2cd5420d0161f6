//! `[[collect.webhook]]`: paths at which other services' events come in, in whatever shape those have.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A path at which a service sends JSON or forms of its own, and how these become events.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The path that the service posts to, such as `/hooks/orders`.
    #[schemars(length(max = 256))]
    pub path: String,
    /// A secret that the service sends in a header. Without `key` and `signature`, it has to send a write key of the container.
    #[serde(default)]
    pub key: Option<HeaderSecret>,
    /// A signature that the service sends in a header: HMAC-SHA256 of the body, in hex or base64.
    #[serde(default)]
    pub signature: Option<HeaderSecret>,
    /// A CEL expression for the list of which each element becomes an event, as `item`. Absent: the body is one event.
    #[serde(default)]
    pub each: Option<String>,
    /// A CEL expression; what it is not true of is answered like an event, and dropped.
    #[serde(default)]
    pub when: Option<String>,
    /// The event: its fields (`event`, `userId`, `"properties.total"`) as CEL over `body`, `item`, `query` and `headers`.
    pub set: BTreeMap<String, String>,
}

/// A header and the secret that it has to show.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderSecret {
    /// The header's name, such as `X-Shop-Signature`.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[A-Za-z0-9-]+$"))]
    pub header: String,
    /// The environment variable that holds the secret.
    #[schemars(length(min = 1))]
    pub env: String,
}
