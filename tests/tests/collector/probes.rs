//! What a load balancer and a metrics scraper ask.

use std::path::Path;

use http::StatusCode;
use serde_json::json;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

use crate::webhook;

#[tokio::test]
async fn the_probes_answer() {
    let (host, _receiver) = webhook().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(host.client.get(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn metrics_are_not_for_what_a_trusted_proxy_passes_on() {
    let receiver = Receiver::start().await;
    let proxies = "name = \"test\"\n[collect]\nwrite_keys = [\"key\"]\n\
        proxies = { trusted = [\"127.0.0.1\"], header = \"X-Real-IP\" }\n";
    let data = tempfile::tempdir().unwrap();
    let host = TestHost::start_whole(data, proxies, Path::new("."), Some(&receiver.url())).await;
    assert_eq!(host.client.get("/metrics").await.status, StatusCode::OK);
    for address in ["192.0.2.1", "10.0.0.1"] {
        let answer = host.client.send("GET", "/metrics", &[("x-real-ip", address)], "").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}");
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
