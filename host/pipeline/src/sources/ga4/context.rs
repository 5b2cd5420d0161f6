//! The surroundings of an event of `/g/collect`.
//!
//! | parameter | becomes |
//! |---|---|
//! | `dl`, `dt`, `dr` | `context.page` |
//! | `ul`, `sr` | `context.locale`, `.screen` |
//! | `cs`, `cm`, `cn`, `ck`, `cc`, `ci` | `context.campaign` |
//! | `uaa`, `uab`, `uafvl`, `uamb`, `uam`, `uap`, `uapv` | `context.userAgentData`, as browsers have it |
//! | `_uip` | `context.ip` |
//! | `cid`, `sid`, `sct`, `seg`, `_p`, `_s` | `context.ga.clientId`, `.sessionId`, `.sessionNumber`, `.sessionEngaged`, `.pageId`, `.hit` |
//! | `_fv`, `_ss` | `context.ga.firstVisit`, `.sessionStart` |
//! | `tid` | `context.ga.measurementId` |
//! | `gcs`, `gcd`, `npa`, `dma`, `dma_cps`, `gdpr`, `gdpr_consent`, `us_privacy`, `gpp`, `gpp_sid` | `context.consent.google`, as they are |

use serde_json::{Map, Value, json};

use super::hit::Hit;
use crate::sources::page::{number, put, put_object, size};

const CAMPAIGN: [(&str, &str); 6] =
    [("cs", "source"), ("cm", "medium"), ("cn", "name"), ("ck", "term"), ("cc", "content"), ("ci", "id")];

const CONSENT: [&str; 10] =
    ["gcs", "gcd", "npa", "dma", "dma_cps", "gdpr", "gdpr_consent", "us_privacy", "gpp", "gpp_sid"];

const AGENT: [(&str, &str); 5] =
    [("uaa", "architecture"), ("uab", "bitness"), ("uam", "model"), ("uap", "platform"), ("uapv", "platformVersion")];

/// Most browsers that a list of brands names: three in practice.
const MAX_BRANDS: usize = 16;

pub(super) fn of(hit: &Hit<'_>) -> Map<String, Value> {
    let mut context = Map::new();
    put(&mut context, "locale", hit.get("ul"));
    put(&mut context, "ip", hit.get("_uip"));
    if let Some((width, height)) = hit.get("sr").and_then(size) {
        put(&mut context, "screen", Some(json!({"width": width, "height": height})));
    }
    put_object(&mut context, "campaign", named(hit, &CAMPAIGN));
    put_object(&mut context, "userAgentData", agent(hit));
    put_object(&mut context, "ga", ga(hit));
    let google = named(hit, &CONSENT.map(|name| (name, name)));
    if !google.is_empty() {
        put(&mut context, "consent", Some(json!({"google": google})));
    }
    context
}

fn named(hit: &Hit<'_>, names: &[(&str, &str)]) -> Map<String, Value> {
    let mut object = Map::new();
    for (from, to) in names {
        put(&mut object, to, hit.get(from));
    }
    object
}

fn ga(hit: &Hit<'_>) -> Map<String, Value> {
    let texts = [("cid", "clientId"), ("sid", "sessionId"), ("tid", "measurementId"), ("_p", "pageId")];
    let mut ga = named(hit, &texts);
    put(&mut ga, "sessionNumber", hit.get("sct").map(number));
    put(&mut ga, "hit", hit.get("_s").map(number));
    put(&mut ga, "sessionEngaged", hit.get("seg").map(|engaged| engaged == "1"));
    for (from, to) in [("_fv", "firstVisit"), ("_ss", "sessionStart")] {
        put(&mut ga, to, hit.get(from).map(|_| true));
    }
    ga
}

fn agent(hit: &Hit<'_>) -> Map<String, Value> {
    let mut agent = named(hit, &AGENT);
    put(&mut agent, "mobile", hit.get("uamb").map(|mobile| mobile == "1"));
    if let Some(list) = hit.get("uafvl") {
        // `Chromium;139.0.7258.67|Not%3BA%3DBrand;99.0.0.0`: each name and version is percent-encoded once more.
        let brand = |text: &str| {
            let (brand, version) = text.split_once(';')?;
            Some(json!({"brand": decoded(brand), "version": decoded(version)}))
        };
        let brands: Vec<Value> = list.split('|').filter_map(brand).take(MAX_BRANDS).collect();
        put(&mut agent, "fullVersionList", Some(brands));
    }
    agent
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
