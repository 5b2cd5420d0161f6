//! What a page in a browser needs: CORS for the container's origins, and the settings that Analytics.js fetches.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::webhook;

const SHOP: &str = "https://shop.example";

/// A header's value, all on one line.
fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn a_preflight_lets_the_containers_origins_in_and_no_others() {
    let (host, _receiver) = webhook().await;
    for (origin, allowed) in [(SHOP, SHOP), ("https://evil.example", ""), ("http://shop.example", ""), ("null", "")] {
        let asked = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            // What Analytics.js adds when it sends an event again.
            ("access-control-request-headers", "authorization,content-type,x-retry-count"),
        ];
        let answer = host.client.send("OPTIONS", "/v1/t", &asked, Bytes::new()).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(header(&answer.headers, "access-control-allow-origin"), allowed);
        assert!(header(&answer.headers, "access-control-allow-methods").contains("POST"));
        assert_eq!(header(&answer.headers, "access-control-allow-headers"), "authorization,content-type,x-retry-count");
        assert_eq!(header(&answer.headers, "access-control-max-age"), "86400");
        assert!(header(&answer.headers, "vary").contains("origin"));
    }
}

#[tokio::test]
async fn an_answer_can_be_read_by_the_containers_origins_and_no_others() {
    let (host, _receiver) = webhook().await;
    let event = json!({"writeKey": "key", "anonymousId": "a"});
    for (origin, allowed) in [(SHOP, SHOP), ("https://evil.example", "")] {
        for (path, body, status) in
            [("/v1/page", &event, 200), ("/v1/page", &json!({}), 401), ("/v1/nothing", &event, 404)]
        {
            let headers = [("origin", origin), ("content-type", "text/plain")];
            let answer = host.client.send("POST", path, &headers, body.to_string()).await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(header(&answer.headers, "access-control-allow-origin"), allowed, "{origin} {path}");
            // For a script that sends again what got a 429.
            assert_eq!(header(&answer.headers, "access-control-expose-headers"), "retry-after");
        }
    }
}

#[tokio::test]
async fn the_settings_send_analytics_js_back_to_this_collector() {
    let (host, _receiver) = webhook().await;
    let answer = host.client.send("GET", "/v1/projects/key/settings", &[("origin", SHOP)], Bytes::new()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(header(&answer.headers, "access-control-allow-origin"), SHOP);
    let settings = answer.json();
    let segment = &settings["integrations"]["Segment.io"];
    let api_host = format!("{}/v1", host.host.address());
    let expected = [("apiKey", "key"), ("apiHost", api_host.as_str()), ("protocol", "http")];
    for (name, value) in expected {
        assert_eq!(segment[name], value, "{settings}");
    }
}

#[tokio::test]
async fn http_2_is_spoken_and_its_authority_is_the_host() {
    let (host, receiver) = webhook().await;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let send = async |method: &str, path: &str, body: &str| {
        let request = http::Request::builder().method(method).uri(format!("http://{}{path}", host.host.address()));
        let response = client.request(request.body(Full::from(body.to_owned())).unwrap()).await.unwrap();
        assert_eq!((response.version(), response.status()), (http::Version::HTTP_2, StatusCode::OK));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    let settings = send("GET", "/v1/projects/key/settings", "").await;
    assert_eq!(settings["integrations"]["Segment.io"]["apiHost"], format!("{}/v1", host.host.address()));
    let event = json!({"writeKey": "key", "anonymousId": "a", "messageId": "h2"});
    assert_eq!(send("POST", "/v1/page", &event.to_string()).await, json!({"success": true}));
    let event = receiver.wait_for(1).await[0].json();
    assert_eq!((&event["messageId"], &event["context"]["ip"]), (&json!("h2"), &json!("127.0.0.1")));
}
