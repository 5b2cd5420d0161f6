//! One event of a Snowplow tracker as an event of the Segment spec.
//!
//! | `e` | becomes |
//! |---|---|
//! | `pv` page view | a page |
//! | `pp` page ping | the track event `Page Ping`, with how far the page was scrolled |
//! | `se` structured | a track event named by `se_ac`, with `category`, `label`, `property`, `value` |
//! | `ue` self-describing | a track event named by its schema (`order_completed`), with its data; a `screen_view` is a screen |
//! | `tr`, `ti` transaction | the track events `Order Completed` and `Order Item Added` |
//!
//! | parameter | becomes |
//! |---|---|
//! | `eid`, `dtm`, `stm`, `ttm` | `messageId`, `originalTimestamp`, `sentAt`, `timestamp` |
//! | `uid` | `userId` |
//! | `duid`, or else `tnuid`, `nuid`, `sid` | `anonymousId` |
//! | `p` | `channel`: `browser`, `mobile` or `server`, which every tracker of a backend's language is |
//! | `url`, `page`, `refr` | `context.page` |
//! | `ip`, `ua`, `lang`, `tz`, `res`, `vp` | `context.ip`, `.userAgent`, `.locale`, `.timezone`, `.screen` |
//! | `tv` | `context.library` |
//! | `aid`, `tna`, `sid`, `vid` | `context.snowplow.appId`, `.namespace`, `.sessionId`, `.sessionIndex` |
//! | `co`, `cx` | `context.snowplow.contexts`, by the names of their schemas |
//! | `ue_pr`, `ue_px` | its schema: `context.snowplow.schema` |

use serde_json::{Map, Value};

use super::fields::Fields;
use super::self_describing::{Malformed, SelfDescribing, contexts};
use crate::sources::page::{page, put, put_object, size};

#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("`e` is none of pv, pp, se, ue, tr, ti")]
    Kind,
    #[error("`ue_pr` and `ue_px` are both missing: one of them is the event")]
    NoEvent,
    #[error("the event's data is not an object")]
    Data,
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What happened.
struct Made {
    kind: &'static str,
    name: Option<String>,
    properties: Map<String, Value>,
    schema: Option<String>,
}

impl Made {
    fn track(name: &str, properties: Map<String, Value>) -> Self {
        Made { kind: "track", name: Some(name.to_owned()), properties, schema: None }
    }
}

pub(super) fn of(fields: &Fields) -> Result<Map<String, Value>, Unreadable> {
    let made = made(fields)?;
    let mut event = Map::new();
    put(&mut event, "type", Some(made.kind));
    put(&mut event, if made.kind == "track" { "event" } else { "name" }, made.name);
    put_object(&mut event, "properties", made.properties);
    let names = [
        ("eid", "messageId"),
        ("dtm", "originalTimestamp"),
        ("stm", "sentAt"),
        ("ttm", "timestamp"),
        ("uid", "userId"),
    ];
    for (from, to) in names {
        put(&mut event, to, fields.get(from));
    }
    let anonymous = ["duid", "tnuid", "nuid", "sid"].iter().find_map(|name| fields.get(name));
    put(&mut event, "anonymousId", anonymous);
    put(&mut event, "channel", channel(fields));
    event.insert("context".to_owned(), Value::Object(context(fields, made.schema)?));
    Ok(event)
}

fn made(fields: &Fields) -> Result<Made, Unreadable> {
    Ok(match fields.get("e") {
        Some("pv") => Made { kind: "page", name: None, properties: page_of(fields), schema: None },
        Some("pp") => {
            let scrolled = [("pp_mix", "min_x"), ("pp_max", "max_x"), ("pp_miy", "min_y"), ("pp_may", "max_y")];
            Made::track("Page Ping", fields.renamed(&[], &scrolled))
        }
        Some("se") => {
            let texts = [("se_ca", "category"), ("se_la", "label"), ("se_pr", "property")];
            let properties = fields.renamed(&texts, &[("se_va", "value")]);
            Made::track(fields.get("se_ac").unwrap_or_default(), properties)
        }
        Some("ue") => self_describing(fields)?,
        Some("tr") => {
            let texts = [
                ("tr_id", "order_id"),
                ("tr_af", "affiliation"),
                ("tr_cu", "currency"),
                ("tr_ci", "city"),
                ("tr_st", "state"),
                ("tr_co", "country"),
            ];
            let numbers = [("tr_tt", "total"), ("tr_tx", "tax"), ("tr_sh", "shipping")];
            Made::track("Order Completed", fields.renamed(&texts, &numbers))
        }
        Some("ti") => {
            let texts = [
                ("ti_id", "order_id"),
                ("ti_sk", "sku"),
                ("ti_nm", "name"),
                ("ti_ca", "category"),
                ("ti_cu", "currency"),
            ];
            Made::track("Order Item Added", fields.renamed(&texts, &[("ti_pr", "price"), ("ti_qu", "quantity")]))
        }
        _ => return Err(Unreadable::Kind),
    })
}

fn self_describing(fields: &Fields) -> Result<Made, Unreadable> {
    let outer = SelfDescribing::of(fields, "ue_pr", "ue_px")?.ok_or(Unreadable::NoEvent)?;
    let inner = outer.inner("ue_pr")?;
    let name = inner.name().to_owned();
    let schema = Some(inner.schema);
    let properties = match inner.data {
        Value::Object(data) => data,
        Value::Null => Map::new(),
        _ => return Err(Unreadable::Data),
    };
    if name == "screen_view" {
        let screen = properties.get("name").and_then(Value::as_str).map(str::to_owned);
        return Ok(Made { kind: "screen", name: screen, properties, schema });
    }
    Ok(Made { kind: "track", name: Some(name), properties, schema })
}

fn page_of(fields: &Fields) -> Map<String, Value> {
    page(fields.get("url"), fields.get("page"), fields.get("refr"))
}

/// Trackers that run in a backend, whatever platform they name: their address and user agent are not the visitor's.
const IN_BACKENDS: [&str; 9] = ["dotnet-", "golang-", "java-", "node-", "php-", "py-", "rb-", "rust-", "scala-"];

fn channel(fields: &Fields) -> Option<&'static str> {
    let tracker = fields.get("tv").unwrap_or_default();
    match fields.get("p") {
        _ if IN_BACKENDS.iter().any(|name| tracker.starts_with(name)) => Some("server"),
        Some("web") => Some("browser"),
        Some("mob") => Some("mobile"),
        Some("srv") => Some("server"),
        _ => None,
    }
}

fn context(fields: &Fields, schema: Option<String>) -> Result<Map<String, Value>, Unreadable> {
    let texts = [("ip", "ip"), ("ua", "userAgent"), ("lang", "locale"), ("tz", "timezone")];
    let mut context = fields.renamed(&texts, &[]);
    put_object(&mut context, "page", page_of(fields));
    put_object(&mut context, "screen", screen(fields));
    if let Some(tracker) = fields.get("tv") {
        // `js-4.10.1`: the tracker and its version.
        let (name, version) = tracker.rsplit_once('-').unwrap_or((tracker, ""));
        let mut library = Map::new();
        put(&mut library, "name", Some(format!("snowplow-{name}")));
        put(&mut library, "version", Some(version));
        put_object(&mut context, "library", library);
    }
    let texts = [("aid", "appId"), ("tna", "namespace"), ("sid", "sessionId")];
    let mut own = fields.renamed(&texts, &[("vid", "sessionIndex")]);
    put(&mut own, "schema", schema);
    put_object(&mut own, "contexts", contexts(fields)?);
    put_object(&mut context, "snowplow", own);
    Ok(context)
}

fn screen(fields: &Fields) -> Map<String, Value> {
    let mut screen = Map::new();
    for (name, width, height) in [("res", "width", "height"), ("vp", "innerWidth", "innerHeight")] {
        if let Some((across, down)) = fields.get(name).and_then(size) {
            put(&mut screen, width, Some(across));
            put(&mut screen, height, Some(down));
        }
    }
    screen
}
