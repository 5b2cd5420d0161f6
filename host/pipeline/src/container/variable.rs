//! `[vars]`: named values.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A named value: a CEL expression, or a table that says where it comes from and what is made of it.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum Variable {
    /// A CEL expression.
    Expression(String),
    /// Where the value comes from, and what is made of it.
    Steps(Box<Steps>),
}

/// Where a value comes from (`value`, `first` or `random`), and what is made of it, in this order.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Steps {
    /// A CEL expression.
    #[serde(default)]
    pub value: Option<String>,
    /// CEL expressions; the first that has a value, and not an empty text, counts.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub first: Option<Vec<String>>,
    /// A whole number from 0 up to, and not including, this one. It follows from the event's `messageId`: run again, an event gets
    /// the same.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub random: Option<NonZeroU32>,
    /// What to put in a value's place: `{ "shop.example" = "G-1" }`. A value that is not in it is missing.
    #[serde(default)]
    pub table: Option<BTreeMap<String, Value>>,
    /// Regular expressions and what to put in a value's place, `$1` for the first group: `[["^/blog/", "blog"]]`. The first that
    /// matches counts; a value that none matches is missing.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub patterns: Option<Vec<[String; 2]>>,
    /// Write text in small or in capital letters.
    #[serde(default)]
    pub case: Option<Case>,
    /// Make it a number, or a text. What is no number is missing.
    #[serde(default, rename = "as")]
    pub to: Option<To>,
    /// The value where there is none.
    #[serde(default)]
    pub default: Option<Value>,
}

/// Small or capital letters.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Case {
    Lower,
    Upper,
}

/// What a value is made into.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum To {
    Number,
    Text,
}
