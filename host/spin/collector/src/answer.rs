//! Answers, as they go over the wire.

use std::borrow::Cow;
use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, RETRY_AFTER, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::wasip3::http::types::{ErrorCode, Fields, Response as WasiResponse};
use spin_sdk::wasip3::wit_future;
use tagyard_pipeline::cors::OfPages;
use tagyard_pipeline::refused::Refused;
use tagyard_pipeline::sources::Answer;
use tower::{Layer, ServiceExt, service_fn};

/// Asks for client hints; the `http` crate does not have it.
const ACCEPT_CH: HeaderName = HeaderName::from_static("accept-ch");

pub(crate) type Reply = Response<Full<Bytes>>;

/// Answers as CORS has it for the container's origins.
pub(crate) async fn with_cors(cors: OfPages, request: Request, then: impl AsyncFn(Request) -> Reply) -> Reply {
    let then = &then;
    let inner = service_fn(move |request| async move { Ok::<_, Infallible>(then(request).await) });
    match cors.layer(inner).oneshot(request).await {
        Ok(reply) => reply,
        Err(never) => match never {},
    }
}

/// A request's events are durable. Success itself has no body: nobody reads it, and one takes Spin many milliseconds to send.
/// `accept_ch` is what it asks browsers to say of themselves.
pub(crate) fn success(answer: &Answer, accept_ch: Option<&'static str>, cookies: &[String]) -> Reply {
    let mut reply = Reply::default();
    if *answer != Answer::Success {
        let content = answer.content();
        *reply.status_mut() = content.status;
        *reply.body_mut() = Full::new(match content.body {
            Cow::Borrowed(body) => Bytes::from_static(body),
            Cow::Owned(body) => Bytes::from(body),
        });
        if let Some(content_type) = content.content_type {
            reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
    }
    if let Some(hints) = accept_ch {
        reply.headers_mut().insert(ACCEPT_CH, HeaderValue::from_static(hints));
    }
    // Names and domain are the container's, checked; values are encoded.
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        reply.headers_mut().append(SET_COOKIE, cookie);
    }
    if answer.is_not_kept() {
        reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    reply
}

pub(crate) fn refused(refused: &Refused) -> Reply {
    let mut reply = json_text(refused.status, refused.json());
    if let Some(seconds) = refused.retry_seconds() {
        reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    reply
}

/// The operator finds in the log what is wrong; a sender has to try again.
pub(crate) fn not_configured() -> Reply {
    refused(&Refused {
        message: "the collector is not configured; its log says why".to_owned(),
        ..Refused::not_durable()
    })
}

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Reply {
    json_text(status, serde_json::to_string(body).unwrap_or_default())
}

pub(crate) fn text(text: &'static str) -> Reply {
    let mut reply = Reply::new(Full::new(Bytes::from_static(text.as_bytes())));
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    reply
}

/// Hands it to Spin.
pub(crate) fn send(mut reply: Reply) -> Result<WasiResponse, ErrorCode> {
    let length = http_body::Body::size_hint(reply.body()).exact().unwrap_or_default();
    if reply.status() != StatusCode::NO_CONTENT {
        // Else it would go in chunks, an empty one too.
        reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if length > 0 {
        return reply.into_response();
    }
    let headers = reply.headers().iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()));
    let fields = Fields::from_list(&headers.collect::<Vec<_>>())
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    // No body at all, rather than an empty one, which would be a stream.
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _) = WasiResponse::new(fields, None, trailers);
    let _ = response.set_status_code(reply.status().as_u16());
    Ok(response)
}

fn json_text(status: StatusCode, json: String) -> Reply {
    let mut reply = Reply::new(Full::new(Bytes::from(json)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
