//! `GET /v1/projects/KEY/settings`: what SDKs fetch from Segment's CDN before they start.
//!
//! A page needs to name only this collector: `AnalyticsBrowser.load({ writeKey, cdnURL: "https://collect.shop.example" })`.
//! Analytics.js takes `apiHost` (a host with its path, no scheme) from these settings, as the mobile SDKs do. Behind a
//! proxy that changes `Host`, the page says it itself, which wins:
//! `load({…}, { integrations: { "Segment.io": { apiHost: "collect.shop.example/v1" } } })`.

use http::uri::Authority;
use http::{HeaderMap, header};
use serde_json::{Value, json};

/// The settings for a page that reached this collector with these headers, behind this prefix.
///
/// Metrics are off since Analytics.js would send its own to Segment. The empty members are those that Segment's answer
/// always has: whoever reads one finds nothing to load, route or plan.
pub(super) fn settings(key: &str, headers: &HeaderMap, prefix: Option<&str>) -> Value {
    let mut segment = json!({"apiKey": key, "addBundledMetadata": false, "unbundledIntegrations": []});
    if let Some(host) = host(headers) {
        segment["apiHost"] = Value::from(format!("{host}{}/v1", prefix.unwrap_or_default()));
        if is_loopback(&host) {
            segment["protocol"] = Value::from("http");
        }
    }
    json!({
        "integrations": {"Segment.io": segment},
        "plan": {},
        "edgeFunction": {},
        "enabledMiddleware": {},
        "middlewareSettings": {"routingRules": []},
        "metrics": {"sampleRate": 0},
        "remotePlugins": [],
        "legacyVideoPluginsEnabled": false,
    })
}

/// The host that the page asked, and nothing that only looks like one.
fn host(headers: &HeaderMap) -> Option<Authority> {
    let host = headers.get(header::HOST)?;
    Authority::try_from(host.as_bytes()).ok().filter(|host| !host.as_str().contains('@'))
}

/// Where a developer tries it out, without TLS: the SDKs would send to `https` otherwise.
fn is_loopback(host: &Authority) -> bool {
    matches!(host.host(), "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn sends_events_to_where_the_settings_came_from() {
        let check = |host: &str, api_host: Value, protocol: Value| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            let settings = settings("shop-web", &headers, None);
            let segment = &settings["integrations"]["Segment.io"];
            assert_eq!(segment["apiKey"], "shop-web");
            assert_eq!(segment.get("apiHost").cloned().unwrap_or_default(), api_host, "{host}");
            assert_eq!(segment.get("protocol").cloned().unwrap_or_default(), protocol, "{host}");
        };
        check("collect.shop.example", json!("collect.shop.example/v1"), Value::Null);
        check("collect.shop.example:8443", json!("collect.shop.example:8443/v1"), Value::Null);
        check("localhost:8080", json!("localhost:8080/v1"), json!("http"));
        check("[::1]:8080", json!("[::1]:8080/v1"), json!("http"));
        check("somebody@evil.example", Value::Null, Value::Null);
        check("evil.example/x?", Value::Null, Value::Null);
        check("", Value::Null, Value::Null);
    }

    #[test]
    fn the_prefix_is_part_of_the_address() {
        let headers = [(header::HOST, "shop.example".parse().unwrap())].into_iter().collect();
        let settings = settings("shop-web", &headers, Some("/metrics"));
        assert_eq!(settings["integrations"]["Segment.io"]["apiHost"], "shop.example/metrics/v1");
    }
}
