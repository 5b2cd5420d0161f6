//! What is accepted, and what of it a vendor gets.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{basic, gzip, webhook};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn every_endpoint_takes_events() {
    let (host, receiver) = webhook().await;
    let mut sent = Vec::new();
    for kind in ["track", "page", "screen", "identify", "group", "alias"] {
        for path in [format!("/v1/{kind}"), format!("/v1/{}", &kind[..1]), format!("/v1/{kind}/")] {
            let event = json!({"messageId": path, "writeKey": "key", "event": "e", "userId": "u", "groupId": "g", "previousId": "p"});
            let answer = host.client.post(&path, &event).await;
            assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"success": true})), "{path}");
            sent.push((path, kind));
        }
    }
    for path in ["/v1/batch", "/v1/b", "/v1/import"] {
        let event = json!({"messageId": path, "type": "page", "anonymousId": "a"});
        let answer = host.client.post(path, &json!({"writeKey": "key", "batch": [event]})).await;
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"success": true})), "{path}");
        sent.push((path.to_owned(), "page"));
    }
    let mut received: Vec<(String, String)> = receiver
        .wait_for(sent.len())
        .await
        .iter()
        .map(|request| {
            let text = |field: &str| request.json()[field].as_str().unwrap().to_owned();
            (text("messageId"), text("type"))
        })
        .collect();
    received.sort();
    let mut expected: Vec<_> = sent.into_iter().map(|(path, kind)| (path, kind.to_owned())).collect();
    expected.sort();
    assert_eq!(received, expected);
}

#[tokio::test]
async fn metrics_of_an_sdk_are_taken_and_dropped() {
    let (mut host, receiver) = webhook().await;
    let answer =
        host.client.post("/v1/m", &json!({"series": [{"type": "Counter", "metric": "analytics_js.invoke"}]})).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"success": true})));
    host.client.event(json!({"type": "page", "anonymousId": "a", "messageId": "after"})).await;
    assert_eq!(host.outcomes(1).await[0].position, 1);
    assert_eq!(receiver.wait_for(1).await[0].json()["messageId"], "after");
}

#[tokio::test]
async fn the_write_key_stands_in_the_header_or_in_the_body() {
    let (host, _receiver) = webhook().await;
    let check = async |path: &str, headers: &[(&str, &str)], body: Value| {
        let answer = host.client.send("POST", path, headers, body.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{path} {body}: {}", answer.text());
    };
    let event = json!({"type": "page", "anonymousId": "a"});
    let keyed = json!({"type": "page", "anonymousId": "a", "writeKey": "key"});
    check("/v1/page", &[JSON, ("authorization", &basic("key"))], event.clone()).await;
    check("/v1/page", &[JSON, ("authorization", &basic("a-proxy"))], keyed.clone()).await;
    check("/v1/page", &[JSON], keyed.clone()).await;
    check("/v1/batch", &[JSON, ("authorization", &basic("key"))], json!({"batch": [event]})).await;
    check("/v1/batch", &[JSON], json!({"batch": [event], "writeKey": "key"})).await;
    check("/v1/batch", &[JSON], json!({"batch": [keyed]})).await;
}

#[tokio::test]
async fn any_content_type_charset_and_gzip_are_taken() {
    let (host, receiver) = webhook().await;
    let event = |id: &str| {
        json!({"type": "page", "anonymousId": "a", "name": "Größe", "messageId": id, "writeKey": "key"}).to_string()
    };
    let latin: Vec<u8> = event("latin").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let utf_16: Vec<u8> = event("utf-16").encode_utf16().flat_map(u16::to_le_bytes).collect();
    type Headers<'h> = &'h [(&'h str, &'h str)];
    let requests: [(Headers<'_>, Vec<u8>); 8] = [
        (&[JSON], event("json").into()),
        (&[("content-type", "application/json; charset=UTF-8")], event("utf-8").into()),
        (&[("content-type", "application/json;charset=iso-8859-1")], latin),
        (&[("content-type", "application/json; charset=utf-16le")], utf_16),
        (&[("content-type", "text/plain;charset=UTF-8")], event("beacon").into()),
        (&[("content-type", "application/x-www-form-urlencoded")], event("curl").into()),
        (&[], event("none").into()),
        (&[JSON, ("content-encoding", "gzip")], gzip(event("gzip").as_bytes())),
    ];
    let count = requests.len();
    for (headers, body) in requests {
        let answer = host.client.send("POST", "/v1/page", headers, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{headers:?}: {}", answer.text());
    }
    for request in receiver.wait_for(count).await {
        assert_eq!(request.json()["name"], "Größe", "{}", request.json());
    }
}

#[tokio::test]
async fn what_a_batch_says_for_all_stands_in_each_event() {
    let (host, receiver) = webhook().await;
    let batch = json!({
        "writeKey": "key",
        "context": {"library": {"name": "mine", "version": "1"}, "ip": "192.0.2.1"},
        "integrations": {"All": true},
        "batch": [
            {"type": "page", "anonymousId": "a", "messageId": "1"},
            {"type": "page", "anonymousId": "a", "messageId": "2", "context": {"library": {"version": "2"}, "ip": "192.0.2.2"},
             "integrations": {"GA4": false}},
        ],
    });
    assert_eq!(host.client.post("/v1/batch", &batch).await.status, StatusCode::OK);
    let mut events: Vec<Value> = receiver.wait_for(2).await.iter().map(|request| request.json()).collect();
    events.sort_by_key(|event| event["messageId"].to_string());
    let expected = [
        json!([{"name": "mine", "version": "1"}, "192.0.2.1", {"All": true}]),
        json!([{"name": "mine", "version": "2"}, "192.0.2.2", {"All": true, "GA4": false}]),
    ];
    for (event, expected) in events.iter().zip(expected) {
        assert_eq!(json!([event["context"]["library"], event["context"]["ip"], event["integrations"]]), expected);
    }
}

#[tokio::test]
async fn a_wrong_clock_is_put_right() {
    let (host, receiver) = webhook().await;
    let now = Timestamp::now();
    // It happened a minute before it was sent, by a clock that is two hours fast.
    let fast = now + SignedDuration::from_hours(2);
    let happened = fast - SignedDuration::from_mins(1);
    let event = json!({"type": "page", "anonymousId": "a", "timestamp": happened.to_string()});
    let batch = json!({"writeKey": "key", "sentAt": fast.to_string(), "batch": [event]});
    assert_eq!(host.client.post("/v1/batch", &batch).await.status, StatusCode::OK);
    let event = receiver.wait_for(1).await[0].json();
    let corrected: Timestamp = event["timestamp"].as_str().unwrap().parse().unwrap();
    let off = corrected.duration_since(now - SignedDuration::from_mins(1)).abs();
    assert!(off < SignedDuration::from_secs(30), "{event}");
    let original: Timestamp = event["originalTimestamp"].as_str().unwrap().parse().unwrap();
    assert!(original.duration_since(happened).abs() < SignedDuration::from_secs(1), "{event}");
}

#[tokio::test]
async fn the_visitor_is_filled_in_where_the_event_does_not_say() {
    let (host, receiver) = webhook().await;
    let headers = [JSON, ("user-agent", "Mozilla/5.0 (a browser)")];
    for (id, context) in [
        ("bare", json!({})),
        ("own", json!({"ip": "192.0.2.1", "userAgent": "own"})),
        ("backend", json!({"library": {"name": "analytics-python"}})),
    ] {
        let event = json!({"writeKey": "key", "anonymousId": "a", "messageId": id, "context": context});
        assert_eq!(host.client.send("POST", "/v1/page", &headers, event.to_string()).await.status, StatusCode::OK);
    }
    for request in receiver.wait_for(3).await {
        let event = request.json();
        let context = &event["context"];
        let expected = match event["messageId"].as_str().unwrap() {
            "bare" => json!(["127.0.0.1", "Mozilla/5.0 (a browser)"]),
            "own" => json!(["192.0.2.1", "own"]),
            _ => json!([null, null]),
        };
        assert_eq!(json!([context["ip"], context["userAgent"]]), expected, "{event}");
    }
}
