//! A transformation as the container file has it; part of [`super::model`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One change of an event. Exactly one of the changes is given, with an optional condition. What a field path names includes
/// what lies below it, lists are looked through, and `*` is the whole event where that makes sense.
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
    // Also without the dots in a Gmail address, as Google's own samples for enhanced conversions do it.
    GoogleEmail,
    // Digits with the country code, as Meta and Snap want it.
    Phone,
    // With a plus sign before them (E.164), as Google wants it.
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
