//! What a container says of where its requests come from: `[collect.proxies]` and `[geo]`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Proxies in front of the host, which are believed when they say where a request comes from.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Proxies {
    /// The proxies' own addresses: networks such as `10.0.0.0/8`, or single addresses. What anybody else says is not believed.
    #[schemars(length(min = 1, max = 1024))]
    pub trusted: Vec<String>,
    /// The header in which they say it: `X-Forwarded-For` or `Forwarded`, which name every hop, of which the last one that is no
    /// proxy of yours counts; or one that holds one address, such as `CF-Connecting-IP`. Absent: `X-Forwarded-For`.
    #[serde(default = "forwarded_for")]
    #[schemars(length(max = 64), regex(pattern = "^[A-Za-z0-9-]+$"))]
    pub header: String,
}

fn forwarded_for() -> String {
    "X-Forwarded-For".to_owned()
}

/// How the visitor's country and region are found out. They come into `context.location` where the event has none, and are
/// `visitor.country` and `visitor.region` in expressions.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Geo {
    /// A database in MaxMind's format, such as `GeoLite2-Country.mmdb`, beside the container file. It is read again when it changes.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub file: Option<String>,
    /// The edge that says it in headers: `cloudflare`, `cloudfront`, `vercel` or `app-engine`, or the headers' own names, as in
    /// `{ country = "X-Country" }`. Only the proxies in `collect.proxies` are believed. Where it says nothing, the database is asked.
    #[serde(default)]
    pub edge: Option<Edge>,
    /// Whether the city is kept as well. Absent: it is not.
    #[serde(default)]
    pub city: bool,
}

/// The headers in which an edge says where a visitor is.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum Edge {
    /// Those of a platform.
    Platform(Platform),
    /// By their names.
    Headers(GeoHeaders),
}

/// A platform whose headers are known.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    AppEngine,
    Cloudflare,
    Cloudfront,
    Vercel,
}

/// The names of the headers in which an edge says where a visitor is.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GeoHeaders {
    /// Holds the country's two letters (ISO 3166-1), such as `US`.
    #[schemars(length(max = 64), regex(pattern = "^[A-Za-z0-9-]+$"))]
    pub country: String,
    /// Holds the region's code (ISO 3166-2), as `CA` or `US-CA`.
    #[serde(default)]
    #[schemars(length(max = 64), regex(pattern = "^[A-Za-z0-9-]+$"))]
    pub region: Option<String>,
    /// Holds the city's name.
    #[serde(default)]
    #[schemars(length(max = 64), regex(pattern = "^[A-Za-z0-9-]+$"))]
    pub city: Option<String>,
}
