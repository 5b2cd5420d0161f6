//! The container file as it is written. Its JSON Schema is made from these types, so their doc comments are what an
//! operator reads in an editor and in an error.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::edge::{Geo, Proxies};
use super::identity::Identity;
pub use super::journal::Journal;
use super::purpose::Purpose;
pub use super::transform::{Hash, Mask, Normal, Transform, Type};
use super::variable::Variable;
pub use super::webhook::{HeaderSecret, Webhook};

/// A container: one site's or tenant's whole configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// Its name, in logs and metrics.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// Who may send events, and from where.
    pub collect: Collect,
    /// How the visitor's country and region are found out. Absent: they are not.
    #[serde(default)]
    pub geo: Option<Geo>,
    /// How requests to vendors are sent and tried again.
    #[serde(default)]
    pub deliver: Deliver,
    /// Named values, which expressions read as `vars.NAME`: a CEL expression each, or a table.
    #[serde(default)]
    pub vars: BTreeMap<String, Variable>,
    /// By what signals consent to each purpose is read, where that is not as its name suggests.
    #[serde(default)]
    pub consent: BTreeMap<String, Purpose>,
    /// By what a visitor is known again, and what of a visit is put into its events.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// What is kept on disk, and for how long.
    #[serde(default)]
    pub journal: Journal,
    /// Changes of an event before any tag sees it, in order.
    #[serde(default, rename = "transform")]
    pub transforms: Vec<Transform>,
    /// The tags.
    #[serde(default, rename = "tag")]
    pub tags: Vec<Tag>,
}

/// Who may send events, and from where.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Collect {
    /// The write keys that are accepted.
    #[schemars(length(min = 1), inner(length(min = 1, max = 128)))]
    pub write_keys: Vec<String>,
    /// The host names at which this container's events come in, where `tagyard serve DIR/` runs several: `metrics.shop.example`, or
    /// `*.shop.example` for all below it. A request to one of them is this container's, whatever key it shows.
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub hosts: Vec<String>,
    /// The origins whose pages may send events, such as `https://shop.example`; `*` for all.
    #[serde(default)]
    pub origins: Vec<String>,
    /// The most events a second, over all senders; more are answered 429. Absent: no limit but the host's own.
    #[serde(default)]
    pub events_per_second: Option<NonZeroU32>,
    /// The longest body of a single event in bytes; a request has 512,000 at most.
    #[serde(default = "event_bytes")]
    #[schemars(range(min = 1024, max = 512_000))]
    pub max_event_bytes: usize,
    /// A path before those of the sources, such as `/metrics`, for a collector behind the site's own domain.
    #[serde(default)]
    #[schemars(length(max = 128))]
    pub prefix: Option<String>,
    /// Proxies in front of the host, which are believed when they say where a request comes from. Absent: it comes from where its
    /// connection does.
    #[serde(default)]
    pub proxies: Option<Proxies>,
    /// Whether answers ask browsers for their exact version, their platform's and the device's model (`Accept-CH`). Browsers heed it
    /// in the answers to pages: let the site's pages send it too, and name the collector in their `Permissions-Policy` if it is of
    /// another origin. What browsers send unasked is kept anyway.
    #[serde(default)]
    pub client_hints: bool,
    /// Paths at which other services' events come in, and how these become events.
    #[serde(default, rename = "webhook")]
    #[schemars(length(max = 64))]
    pub webhooks: Vec<Webhook>,
}

/// Segment's limit for one event: 32 KB.
fn event_bytes() -> usize {
    32 * 1024
}

/// How requests to vendors are sent and tried again.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deliver {
    /// How long an event is tried again before it becomes a dead letter, in hours.
    #[schemars(range(min = 0, max = 720))]
    pub max_age_hours: u32,
    /// How long to wait for a vendor's answer, in seconds.
    #[schemars(range(min = 1, max = 120))]
    pub timeout_seconds: u32,
}

impl Default for Deliver {
    fn default() -> Self {
        Deliver { max_age_hours: 72, timeout_seconds: 30 }
    }
}

/// One tag: a component, its settings, when it runs, and what it is granted.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Its name in this container.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"))]
    pub name: String,
    /// Which component: a bundled tag's name (`ga4`), or a file (`./my.wasm`).
    #[serde(rename = "use")]
    pub uses: String,
    /// Settings, as the tag's manifest describes them.
    #[serde(default)]
    pub settings: Map<String, Value>,
    /// Where each secret that the tag names comes from.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    /// Consent purposes, all of which have to be given. Empty: the tag needs no consent.
    #[serde(default)]
    pub consent: Vec<String>,
    /// What happens to an event without that consent: `block`, or `anonymise`, which takes out ids, address, user agent, traits and
    /// whatever else tells one person from another.
    #[serde(default)]
    pub without_consent: WithoutConsent,
    /// The events it runs for: event names and types (`page`, `Order Completed`). Absent: all.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub on: Option<Vec<String>>,
    /// A CEL expression that has to be true as well.
    #[serde(default)]
    pub when: Option<String>,
    /// A CEL expression; the tag does not run for events of which it is true.
    #[serde(default)]
    pub except: Option<String>,
    /// The share of users for whose events it runs, from 0 to 1. A user is in or out for good, and for all tags alike.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub sample: Option<f64>,
    /// The time in which an event has to be received: `[2026-11-27T00:00:00Z, 2026-12-01T00:00:00Z]`, the second not included.
    #[serde(default)]
    pub between: Option<[String; 2]>,
    /// What the tag is allowed. A bundled tag gets what its manifest asks for when this is absent.
    #[serde(default)]
    pub allow: Option<Allow>,
    /// Changes of an event before this tag sees it, after those for all tags.
    #[serde(default, rename = "transform")]
    pub transforms: Vec<Transform>,
    /// Whether a user's later events wait while an earlier one is tried again. `false` for a vendor that needs no order.
    #[serde(default = "in_order")]
    pub ordered: bool,
    /// Bounds on each call of the tag.
    #[serde(default)]
    pub limits: Limits,
}

/// What happens to an event to whose use its person did not consent.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutConsent {
    #[default]
    Block,
    Anonymise,
}

fn in_order() -> bool {
    true
}

/// Where a secret comes from, and where it may go.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// The environment variable that holds it.
    pub env: String,
    /// The hosts it may be sent to. Absent: every host the tag is granted.
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
}

/// What the operator allows a tag.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// The hosts it may send to: `api.vendor.com`, `*.vendor.com`, `collector.internal:8443`.
    #[serde(default)]
    pub hosts: Option<Vec<String>>,
    /// The event fields it may see: `event`, `properties.*`.
    #[serde(default)]
    pub fields: Option<Vec<String>>,
    /// Whether those hosts may be private or loopback addresses.
    #[serde(default)]
    pub private_network: bool,
    /// Whether it may send over plain `http`.
    #[serde(default)]
    pub plain_http: bool,
}

/// Bounds on each call of a tag.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The longest a call may run, in milliseconds.
    #[schemars(range(min = 1, max = 10_000))]
    pub deadline_ms: u32,
    /// The most memory a call may use, in MiB.
    #[schemars(range(min = 1, max = 256))]
    pub memory_mib: u32,
}

impl Default for Limits {
    fn default() -> Self {
        // A bundled tag takes well under a millisecond and half a MiB; a JavaScript engine needs some ten of each.
        Limits { deadline_ms: 250, memory_mib: 64 }
    }
}
