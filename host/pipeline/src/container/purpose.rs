//! `[consent]`: by what signals consent to a purpose is read.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// By what signals consent to a purpose is read. What is left out is as the purpose's name suggests: `analytics` and `advertising`
/// (or `marketing`) have Google's and IAB's signals, and the rights to opt out of a sale count for all but `analytics`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Purpose {
    /// Whether it counts as given where no signal speaks of it. Absent: it is denied.
    #[serde(default)]
    pub default: Option<Answer>,
    /// The same by the visitor's country or region, as far as it is known by `[geo]`: `{ US = "given", US-CA = "denied" }`. Of a region,
    /// a country and the groups `EU` and `EEA` the narrowest counts, and elsewhere `default`. Where the visitor is not known, the
    /// strictest of all does.
    #[serde(default)]
    pub default_in: BTreeMap<String, Answer>,
    /// The types of Google's consent mode (`gcs`, `gcd`), all of which have to be granted.
    #[serde(default)]
    pub google: Option<BTreeSet<Google>>,
    /// The purposes of IAB's TCF, by number, all of which have to be consented to.
    #[serde(default)]
    #[schemars(inner(range(min = 1, max = 24)))]
    pub tcf: Option<BTreeSet<u8>>,
    /// Whether an objection to a sale denies it: `Sec-GPC`, the US Privacy string, the US sections of GPP.
    #[serde(default)]
    pub opt_out: Option<bool>,
    /// A cookie in which a consent platform keeps what the visitor chose.
    #[serde(default)]
    pub cookie: Option<Cookie>,
}

/// A cookie in which a consent platform keeps what the visitor chose.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cookie {
    /// Its name, such as `OptanonConsent`.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// A regular expression that its value matches where consent is given, such as `C0002:1`. The value's `%` escapes are decoded
    /// before. Where the cookie is there and does not match, consent is denied.
    pub given: String,
}

/// Given or denied.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Given,
    Denied,
}

/// A type of Google's consent mode.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Google {
    AdStorage,
    AnalyticsStorage,
    AdUserData,
    AdPersonalization,
}
