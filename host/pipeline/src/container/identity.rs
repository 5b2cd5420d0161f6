//! `[identity]`: by what a visitor is known again, and what of a visit is put into its events.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// By what a visitor is known again, and what of a visit is put into its events. Each part is off until it is named here.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The purposes, all of which a visitor has to have agreed to before a cookie is set or read, or ids are linked; such as
    /// `["analytics"]`. An event without that consent stays as it came.
    #[schemars(length(min = 1, max = 16), inner(length(min = 1)))]
    pub consent: Vec<String>,
    /// The domain of all cookies, such as `shop.example`: its subdomains get them too. Absent: the collector's own host only.
    #[serde(default)]
    #[schemars(
        length(max = 253),
        regex(pattern = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
    )]
    pub domain: Option<String>,
    /// When browsers send the cookies: `lax` and `strict` to pages of the same site only, `none` from any site.
    #[serde(default)]
    pub same_site: SameSite,
    /// A cookie with the visitor's id.
    #[serde(default)]
    pub id: Option<IdCookie>,
    /// Click ids of advertisements, and the vendors' own cookies.
    #[serde(default)]
    pub vendors: Option<Vendors>,
    /// Whether `utm_source`, `utm_medium`, `utm_campaign` and so on of the page's URL become `context.campaign`, where the event has
    /// none.
    #[serde(default)]
    pub campaign: bool,
    /// Visits, told by a pause between two events: `context.session`.
    #[serde(default)]
    pub session: Option<Session>,
    /// Which anonymous ids belong to which user, so that later events of either have both.
    #[serde(default)]
    pub links: Option<Links>,
}

/// When browsers send a cookie.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SameSite {
    #[default]
    Lax,
    Strict,
    None,
}

/// A cookie with the visitor's id: `HttpOnly`, so that no script reads it, and set by the collector, so that browsers keep it.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdCookie {
    /// Its name.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub cookie: String,
    /// How many days it is kept after the last visit. Browsers keep no cookie for more than 400.
    #[schemars(range(min = 1, max = 400))]
    pub days: u32,
    /// Which anonymous id counts where the event and the cookie have one each: with `event` the SDK's, and the cookie takes it over;
    /// with `cookie` the cookie's, which outlives what scripts may store.
    pub prefer: Prefer,
}

impl Default for IdCookie {
    fn default() -> Self {
        IdCookie { cookie: "tagyard_id".to_owned(), days: 400, prefer: Prefer::Event }
    }
}

/// Whose anonymous id counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Prefer {
    #[default]
    Event,
    Cookie,
}

/// Click ids of advertisements, and the vendors' own cookies.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Vendors {
    /// Whose click ids and cookies are looked for, such as `["google", "meta"]`; no other cookies are read.
    pub names: BTreeSet<Vendor>,
    /// Further click ids, by their name in a page's query, such as `["awc"]`.
    #[serde(default)]
    #[schemars(length(max = 16), inner(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_-]+$")))]
    pub click_ids: Vec<String>,
    /// The GA4 data stream whose session cookie (`_ga_ABC123`) is read, by its measurement ID, such as `G-ABC123`.
    #[serde(default)]
    #[schemars(regex(pattern = "^G-[A-Z0-9]+$"))]
    pub measurement_id: Option<String>,
    /// The purposes that are needed to read the vendors' cookies and to keep anything. Absent: those of `identity.consent`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 16), inner(length(min = 1)))]
    pub consent: Option<Vec<String>>,
    /// The cookie in which they are kept, so that a later page without them in its URL still has them.
    #[serde(default = "click_cookie")]
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub cookie: String,
    /// For how many days each is kept.
    #[serde(default = "click_days")]
    #[schemars(range(min = 1, max = 400))]
    pub days: u32,
}

fn click_cookie() -> String {
    "tagyard_clicks".to_owned()
}

/// As long as Google and Meta look back from a conversion to a click.
fn click_days() -> u32 {
    90
}

/// A vendor whose click ids and cookies are known.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    Google,
    LinkedIn,
    Meta,
    Microsoft,
    Pinterest,
    Reddit,
    Snapchat,
    TikTok,
    X,
}

/// Visits, told by a pause between two events.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Session {
    /// The minutes without an event after which the next one begins another visit.
    #[schemars(range(min = 1, max = 1440))]
    pub minutes: u32,
    /// The cookie in which the visit is kept, and how many there were before it.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    pub cookie: String,
    /// How many days visits are counted on after the last one.
    #[schemars(range(min = 1, max = 400))]
    pub days: u32,
}

impl Default for Session {
    fn default() -> Self {
        Session { minutes: 30, cookie: "tagyard_session".to_owned(), days: 400 }
    }
}

/// Which anonymous ids belong to which user, kept in the data directory.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Links {
    /// How many days a link is kept after it was last seen.
    #[schemars(range(min = 1, max = 3650))]
    pub days: u32,
    /// The most links that are kept; beyond it the oldest go. A million takes some 500 MB of disk.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub max: u64,
}

impl Default for Links {
    fn default() -> Self {
        Links { days: 400, max: 1_000_000 }
    }
}
