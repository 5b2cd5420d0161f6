//! What a load balancer and a metrics scraper ask.

use http::StatusCode;
use serde_json::json;

use crate::webhook;

#[tokio::test]
async fn the_probes_answer() {
    let (host, _receiver) = webhook().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(host.client.get(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn metrics_are_for_this_network_and_not_for_what_a_proxy_passes_on() {
    let (mut host, _receiver) = webhook().await;
    host.client.event(json!({"type": "page", "anonymousId": "a"})).await;
    host.client.post("/v1/page", &json!({"anonymousId": "a"})).await;
    host.outcomes(1).await;
    let answer = host.client.get("/metrics").await;
    assert_eq!(answer.status, StatusCode::OK);
    let text = answer.text();
    for metric in [
        "tagyard_events_total{source=\"segment\"}",
        "tagyard_outcomes_total{tag=\"webhook\",outcome=\"delivered\"}",
        "tagyard_refused_requests_total{code=\"unknown_write_key\"}",
    ] {
        assert!(text.contains(metric), "{metric} is missing:\n{text}");
    }
    for name in ["x-forwarded-for", "forwarded", "via"] {
        let answer = host.client.send("GET", "/metrics", &[(name, "192.0.2.1")], "").await;
        assert_eq!((answer.status, answer.text().as_str()), (StatusCode::NOT_FOUND, ""), "{name}");
    }
}
