//! The visitor: sends the sample session over HTTP, as a site's SDK does.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

const SESSION: &str = include_str!("session.json");

/// How much of an unexpected answer is shown.
const SHOWN_BYTES: usize = 500;

/// How much of an answer is read; the collector's are short.
const ANSWER_BYTES: usize = 64 * 1024;

/// One event of the session.
pub(super) struct Sent {
    pub(super) message_id: String,
    pub(super) title: String,
    body: Value,
}

/// The session's events, a few seconds apart and all just over.
pub(super) fn session() -> Result<Vec<Sent>, serde_json::Error> {
    let events: Vec<Value> = serde_json::from_str(SESSION)?;
    let now = Timestamp::now();
    let count = i64::try_from(events.len()).unwrap_or_default();
    let sent = (0..).zip(events).map(|(number, mut event)| {
        let message_id = format!("demo-{number}-{}", now.as_millisecond());
        let at = now.saturating_sub(((count - number) * 5).seconds()).unwrap_or(now);
        event["messageId"] = json!(message_id);
        event["timestamp"] = json!(format!("{at:.3}"));
        event["context"]["page"] = json!({"url": "https://shop.example/", "title": "Mugs and more"});
        event["writeKey"] = json!("demo");
        let title = event["event"].as_str().or(event["name"].as_str()).unwrap_or("identify").to_owned();
        Sent { message_id, title, body: event }
    });
    Ok(sent.collect())
}

#[expect(clippy::disallowed_methods, reason = "it stands for a browser, and its body is `Limited`")]
pub(super) async fn send(address: SocketAddr, events: &[Sent]) -> Result<(), String> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    for event in events {
        let kind = event.body["type"].as_str().unwrap_or_default();
        let request = Request::post(format!("http://{address}/v1/{kind}"))
            .header(CONTENT_TYPE, "application/json")
            .header(
                http::header::USER_AGENT,
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
            )
            .body(Full::from(event.body.to_string()))
            .map_err(|error| error.to_string())?;
        let response =
            client.request(request).await.map_err(|error| format!("the collector did not answer: {error}"))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES)
            .collect()
            .await
            .map(|body| body.to_bytes())
            .unwrap_or_default();
        if status != StatusCode::OK {
            let body: String = String::from_utf8_lossy(&body).chars().take(SHOWN_BYTES).collect();
            return Err(format!("the collector answered {status} to {}: {body}", event.title));
        }
    }
    Ok(())
}
