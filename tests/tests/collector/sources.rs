//! The sources beside Segment's API, over real sockets: the requests that their SDKs were recorded with, and what a vendor gets.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::StatusCode;
use serde_json::{Value, json};
use tagyard_tests::client::Answer;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

use crate::{WEBHOOK, webhook};

/// The webhooks that `webhooks.json` sends to, and the keys and the prefix of all fixtures.
const COLLECT: &str = r#"
name = "test"

[collect]
write_keys = ["shop-web", "G-ABC123"]
prefix = "/metrics"

[[collect.webhook]]
path = "/hooks/orders"
signature = { header = "X-Shop-Hmac-Sha256", env = "SHOP" }
when = "body.status == 'paid'"
[collect.webhook.set]
event = "'Order Completed'"
messageId = "'order-' + string(body.id)"
userId = "body.customer.id"
timestamp = "body.paid_at"
"properties.order_id" = "body.id"
"properties.total" = "double(body.total)"
"properties.coupon" = "body.coupon"
"properties.topic" = "headers['x-shop-topic']"
"properties.products" = "body.lines.map(line, {'product_id': line.sku, 'quantity': line.qty})"

[[collect.webhook]]
path = "/hooks/mail"
key = { header = "X-Hook-Key", env = "MAIL" }
each = "body"
[collect.webhook.set]
event = "'Mail ' + item.event"
anonymousId = "item.email"
timestamp = "item.timestamp"
"properties.shop" = "query.shop"

[[collect.webhook]]
path = "/hooks/form"
[collect.webhook.set]
type = "'identify'"
userId = "body.email"
"traits.email" = "body.email"
"traits.topics" = "body.topic"
"traits.age" = "int(body.age)"
"#;

async fn host() -> (TestHost, Receiver) {
    let receiver = Receiver::start().await;
    let text = format!("{COLLECT}{WEBHOOK}");
    let data = tempfile::tempdir().unwrap();
    let host = TestHost::start_whole(data, &text, Path::new("."), Some(&receiver.url())).await;
    (host, receiver)
}

/// The fixtures of the pipeline, by their names.
fn fixtures() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/pipeline/src/sources/fixtures");
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem()?.to_str()?.to_owned();
        Some((name, serde_json::from_slice(&fs::read(path).ok()?).ok()?))
    };
    fs::read_dir(folder).unwrap().filter_map(|entry| read(entry.unwrap().path())).collect()
}

async fn send(host: &TestHost, request: &Value) -> Answer {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let target = match request["query"].as_str() {
        Some(query) => format!("{}?{query}", text("path")),
        None => text("path").to_owned(),
    };
    let headers: Vec<(&str, &str)> = request["headers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|header| (header[0].as_str().unwrap(), header[1].as_str().unwrap()))
        .collect();
    let body = match request["body_base64"].as_str() {
        Some(encoded) => BASE64_STANDARD.decode(encoded).unwrap(),
        None => text("body").as_bytes().to_vec(),
    };
    host.client.send(text("method"), &target, &headers, body).await
}

/// What of an event does not depend on when it was received.
fn lasting(event: &Value) -> String {
    let names = ["type", "event", "name", "userId", "anonymousId", "groupId", "properties", "traits", "channel"];
    names.map(|name| event[name].to_string()).join(" ")
}

#[tokio::test]
async fn what_sdks_send_arrives_at_a_vendor() {
    let (host, receiver) = host().await;
    let (mut expected, mut dead, mut ids) = (Vec::new(), 0, Vec::new());
    for (name, fixture) in fixtures() {
        for exchange in fixture["exchanges"].as_array().unwrap() {
            let answer = send(&host, &exchange["request"]).await;
            let place = format!("{name}: {}", exchange["request"]["path"]);
            assert_eq!(Value::from(answer.status.as_u16()), exchange["status"], "{place}: {}", answer.text());
            if let Some(text) = exchange["answer"].as_str() {
                assert_eq!(answer.text(), text, "{place}");
            }
            dead += exchange["bad"].as_array().unwrap().len();
            for event in exchange["events"].as_array().unwrap() {
                // What has come before is not taken twice: some SDKs' fixtures have an event in two forms.
                if !ids.contains(&event["messageId"]) {
                    ids.push(event["messageId"].clone());
                    expected.push(lasting(event));
                }
            }
        }
    }
    let mut received: Vec<String> =
        receiver.wait_for(expected.len()).await.iter().map(|request| lasting(&request.json())).collect();
    received.sort();
    expected.sort();
    assert_eq!(received, expected);
    assert!(expected.len() > 40, "{}", expected.len());
    assert_eq!(host.dead_letters().await.len(), dead);
}

#[tokio::test]
async fn each_client_is_answered_as_it_expects() {
    let (host, _receiver) = host().await;
    let check =
        async |method: &str, path: &str, body: &str, status: u16, content_type: Option<&str>, expected: &[u8]| {
            let answer = host.client.send(method, path, &[], body.to_owned()).await;
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
            let given = answer.headers.get("content-type").map(|value| value.to_str().unwrap());
            assert_eq!(given, content_type, "{path}");
            assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
            assert!(answer.body.starts_with(expected) && answer.body.is_empty() == expected.is_empty(), "{path}");
        };
    let event = BASE64_STANDARD.encode(r#"{"userId":"u","writeKey":"shop-web"}"#).replace('=', "");
    check("GET", &format!("/v1/pixel/page?data={event}"), "", 200, Some("image/gif"), b"GIF89a\x01\0\x01\0").await;
    check("GET", "/i?e=pv&aid=shop-web&uid=u", "", 200, Some("image/gif"), b"GIF89a").await;
    check("POST", "/g/collect?tid=G-ABC123&cid=1.2&en=click", "", 204, None, b"").await;
    check("POST", "/mp/collect?measurement_id=G-ABC123", r#"{"events":[]}"#, 204, None, b"").await;
    let body = r#"{"data":[{"e":"pv","aid":"shop-web","uid":"u"}]}"#;
    check("POST", "/com.snowplowanalytics.snowplow/tp2", body, 200, Some("text/plain; charset=utf-8"), b"ok").await;
}

#[tokio::test]
async fn a_page_of_the_site_may_read_the_answers_of_every_source() {
    let (host, _receiver) = webhook().await;
    let targets = [
        ("GET", "/i?e=pv&aid=key&uid=u", ""),
        ("POST", "/g/collect?tid=key&cid=1.2&en=click", ""),
        ("POST", "/com.snowplowanalytics.snowplow/tp2", r#"{"data":[{"e":"pv","aid":"key","uid":"u"}]}"#),
        ("POST", "/api/s/page", r#"{"userId":"u","writeKey":"key"}"#),
        ("GET", "/sourceConfig?writeKey=key", ""),
        ("POST", "/beacon/v1/batch?writeKey=key", r#"{"batch":[]}"#),
    ];
    for (method, target, body) in targets {
        for (origin, allowed) in [("https://shop.example", true), ("https://evil.example", false)] {
            let answer = host.client.send(method, target, &[("origin", origin)], body).await;
            assert!(answer.status.is_success(), "{target}: {}", answer.text());
            assert_eq!(answer.headers.contains_key("access-control-allow-origin"), allowed, "{origin} {target}");
        }
    }
}

/// GA4 in, our tag, GA4 out.
const GA4: &str = r#"
[[tag]]
name = "ga4"
use = "ga4"
settings = { measurement_id = "G-ABC123", user_properties = ["plan"] }
secrets = { api_secret = { env = "GA4" } }
"#;

#[tokio::test]
async fn a_ga4_event_leaves_by_the_ga4_tag_as_it_came() {
    let receiver = Receiver::start().await;
    let host = TestHost::start(GA4, Path::new("."), &receiver).await;
    let item = json!({"item_id": "P-1", "item_name": "Mug", "item_brand": "Potters", "item_category": "Kitchen",
        "item_variant": "blue", "price": 19.5, "quantity": 2, "index": 3, "item_list_name": "Autumn", "glaze": "matt"});
    let commerce = |more: Value| {
        let mut params = json!({"engagement_time_msec": 7, "currency": "EUR", "value": 39, "items": [item]});
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    let events = [
        ("purchase", commerce(json!({"transaction_id": "o1", "tax": 2.5, "shipping": 4, "coupon": "AUTUMN"}))),
        ("refund", commerce(json!({"transaction_id": "o1"}))),
        ("view_item", commerce(json!({}))),
        ("add_to_cart", commerce(json!({}))),
        ("remove_from_cart", commerce(json!({}))),
        ("add_to_wishlist", commerce(json!({}))),
        ("view_cart", commerce(json!({}))),
        ("begin_checkout", commerce(json!({"coupon": "AUTUMN"}))),
        ("add_payment_info", commerce(json!({"payment_type": "card"}))),
        ("add_shipping_info", commerce(json!({"shipping_tier": "parcel"}))),
        (
            "view_promotion",
            commerce(json!({"promotion_name": "Autumn", "creative_name": "banner", "creative_slot": "top"})),
        ),
        ("select_promotion", commerce(json!({"promotion_id": "p1", "promotion_name": "Autumn"}))),
        (
            "view_item_list",
            json!({"engagement_time_msec": 7, "item_list_id": "l1", "item_list_name": "Mugs", "items": [item], "value": 39, "currency": "EUR"}),
        ),
        (
            "select_item",
            json!({"engagement_time_msec": 7, "item_list_id": "l1", "items": [item], "value": 39, "currency": "EUR"}),
        ),
        ("search", json!({"engagement_time_msec": 7, "search_term": "mug"})),
        ("sign_up", json!({"engagement_time_msec": 7, "method": "mail"})),
        ("login", json!({"engagement_time_msec": 7, "method": "mail"})),
        ("generate_lead", json!({"engagement_time_msec": 7, "value": 5, "currency": "EUR"})),
        ("join_group", json!({"engagement_time_msec": 7, "group_id": "g1"})),
        ("share", json!({"engagement_time_msec": 7, "method": "mail", "content_type": "image", "item_id": "i1"})),
        ("file_download", json!({"engagement_time_msec": 7, "file_name": "a.pdf"})),
        (
            "page_view",
            json!({"engagement_time_msec": 7, "page_location": "https://shop.example/a?b=1", "page_title": "A"}),
        ),
        ("screen_view", json!({"engagement_time_msec": 7, "screen_name": "Basket"})),
    ];
    let mut sent = Vec::new();
    for (name, params) in &events {
        let body = json!({"client_id": "1.2", "user_id": "u", "user_properties": {"plan": {"value": "gold"}},
            "consent": {"ad_user_data": "GRANTED", "ad_personalization": "DENIED"},
            "events": [{"name": name, "params": params}]});
        let answer = host.client.post("/mp/collect?measurement_id=key", &body).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{name}: {}", answer.text());
        sent.push((json!(name), tidied(params)));
    }
    let mut received = Vec::new();
    // Events of one person travel together, in however many requests.
    let mut requests = 1;
    while received.len() < sent.len() {
        let all = receiver.wait_for(requests).await;
        received.clear();
        for request in &all {
            let body = request.json();
            assert_eq!((&body["client_id"], &body["user_id"]), (&json!("1.2"), &json!("u")));
            assert_eq!(body["user_properties"], json!({"plan": {"value": "gold"}}));
            assert_eq!(body["consent"], json!({"ad_user_data": "GRANTED", "ad_personalization": "DENIED"}));
            let events = body["events"].as_array().unwrap().clone();
            received.extend(events.into_iter().map(|event| (event["name"].clone(), tidied(&event["params"]))));
        }
        requests = all.len() + 1;
    }
    assert_eq!(received, sent);
}

/// Numbers as they are compared: 39 and 39.0 are one.
fn tidied(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(tidied).collect(),
        Value::Object(object) => object.iter().map(|(name, value)| (name.clone(), tidied(value))).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn a_prefix_is_taken_off_and_told_to_the_sdk() {
    let (host, _receiver) = host().await;
    let settings = host.client.get("/metrics/v1/projects/shop-web/settings").await.json();
    let api_host = settings["integrations"]["Segment.io"]["apiHost"].clone();
    assert_eq!(api_host, format!("{}/metrics/v1", host.host.address()));
    for path in ["/metrics/v1/page", "/v1/page"] {
        let answer = host.client.post(path, &json!({"userId": "u", "writeKey": "shop-web"})).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    }
    let answer = host.client.post("/elsewhere/v1/page", &json!({})).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    for offered in ["/v1/track", "/g/collect", "tp2", "/api/s/track", "/cloudevents", "/elsewhere/v1/page"] {
        assert!(answer.text().contains(offered), "{offered}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_backend_s_address_is_not_the_visitor_s() {
    let (host, receiver) = webhook().await;
    let sent = [
        ("/g/collect?tid=key&cid=1.2&en=click", json!({}), Some("127.0.0.1")),
        ("/mp/collect?measurement_id=key", json!({"client_id": "1.2", "events": [{"name": "lead"}]}), None),
        ("/cloudevents?write_key=key", json!({"id": "1", "source": "/", "type": "stored", "userid": "u"}), None),
    ];
    for (path, body, _) in &sent {
        let headers = [("content-type", "application/cloudevents+json")];
        let body = if body == &json!({}) { String::new() } else { body.to_string() };
        assert!(host.client.send("POST", path, &headers, body).await.status.is_success(), "{path}");
    }
    let mut addresses: Vec<(String, Value)> = receiver
        .wait_for(sent.len())
        .await
        .iter()
        .map(|request| (request.json()["event"].as_str().unwrap().to_owned(), request.json()["context"]["ip"].clone()))
        .collect();
    addresses.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        addresses,
        [("click".into(), json!("127.0.0.1")), ("lead".into(), json!(null)), ("stored".into(), json!(null))]
    );
}
