//! The container file as it is written. Its JSON Schema is made from these types, so their doc comments are what an
//! operator reads in an editor and in an error.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A container: one site's or tenant's whole configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Container {
    /// Its name, in logs and metrics.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// Who may send events, and from where.
    pub collect: Collect,
    /// How requests to vendors are sent and tried again.
    #[serde(default)]
    pub deliver: Deliver,
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
    /// The events it runs for: event names and types (`page`, `Order Completed`). Absent: all.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub on: Option<Vec<String>>,
    /// A CEL expression that has to be true as well.
    #[serde(default)]
    pub when: Option<String>,
    /// What the tag is allowed. A bundled tag gets what its manifest asks for when this is absent.
    #[serde(default)]
    pub allow: Option<Allow>,
    /// Changes of an event before this tag sees it, after those for all tags.
    #[serde(default, rename = "transform")]
    pub transforms: Vec<Transform>,
    /// Bounds on each call of the tag.
    #[serde(default)]
    pub limits: Limits,
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

/// One change of an event. Exactly one of the changes is given, with an optional condition. What a field path names includes
/// what lies below it, lists are looked through, and `*` is the whole event.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Transform {
    /// The tags it is for, by name. Absent: all. A tag's own transformations are for that tag.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub tags: Option<Vec<String>>,
    /// A CEL expression; the change is made only where it is true.
    #[serde(default)]
    pub when: Option<String>,
    /// Remove all fields but these.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub allow: Option<Vec<String>>,
    /// Remove these fields.
    #[serde(default)]
    pub drop: Option<Vec<String>>,
    /// Set these fields to the values of CEL expressions.
    #[serde(default)]
    pub set: Option<BTreeMap<String, String>>,
    /// Move fields: `{ "properties.order_total" = "properties.total" }` makes the first the second.
    #[serde(default)]
    pub rename: Option<BTreeMap<String, String>>,
    /// Give these fields a value where they are missing or null: `{ "properties.currency" = "EUR" }`.
    #[serde(default)]
    pub default: Option<Map<String, Value>>,
    /// Replace values by their SHA-256 digests in hex, as advertising vendors match persons by.
    #[serde(default)]
    pub hash: Option<Hash>,
    /// Replace what a regular expression matches.
    #[serde(default)]
    pub mask: Option<Mask>,
    /// Cut addresses down to their network: IPv4 to /24, IPv6 to /48. What is no address becomes null.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub truncate_ip: Option<Vec<String>>,
    /// Put texts into lower case.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub lower: Option<Vec<String>>,
    /// Give values another type: `{ "properties.total" = "number" }`. A value that cannot have it stays as it is.
    #[serde(default)]
    pub coerce: Option<BTreeMap<String, Type>>,
    /// Give events other names: `{ "Purchase" = "Order Completed" }`. Triggers see the names from before.
    #[serde(default)]
    pub map_event: Option<BTreeMap<String, String>>,
    /// Replace e-mail addresses, phone numbers and card numbers in texts and URLs by `(email)`, `(phone)` and `(card)`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub redact_pii: Option<Vec<String>>,
    /// Keep the event from the tags altogether where `when` is true: `filter = true`.
    #[serde(default)]
    #[schemars(extend("const" = true))]
    pub filter: Option<bool>,
}

/// What to hash, and how it is brought into one form before.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hash {
    /// The fields whose values are hashed.
    #[schemars(length(min = 1))]
    pub fields: Vec<String>,
    /// The form that values are brought into first: `exact` for none, or what vendors want of an e-mail address or phone number.
    #[serde(default, rename = "as")]
    pub normal: Normal,
    /// The country code of phone numbers that have none, such as `49`.
    #[serde(default)]
    #[schemars(regex(pattern = r"^[1-9][0-9]{0,2}$"))]
    pub country_code: Option<String>,
}

/// The form that a value is brought into before it is hashed. The comments are no doc comments: with one for each, an error
/// could not list the values.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normal {
    #[default]
    Exact,
    // Without spaces around it, in lower case.
    Text,
    // The same.
    Email,
    // Also without the dots in a Gmail address, as Google's enhanced conversions want it.
    GoogleEmail,
    // Digits with the country code: Meta, Pinterest, Snap.
    Phone,
    // A plus sign before them: Google, TikTok.
    PhonePlus,
}

/// What to mask.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Mask {
    /// The fields whose texts are masked.
    #[schemars(length(min = 1))]
    pub fields: Vec<String>,
    /// A regular expression, without look-around and back-references; every match is replaced.
    #[schemars(length(min = 1, max = 1000))]
    pub pattern: String,
    /// What a match is replaced by; `$1` or `${name}` is a group of it.
    #[serde(default = "stars")]
    #[schemars(length(max = 64))]
    pub with: String,
}

fn stars() -> String {
    "***".to_owned()
}

/// The type that a value is given.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    Boolean,
    Number,
    String,
}
