//! What a client is answered once its events are durable. Each dialect's clients expect their own.

use std::borrow::Cow;

use http::StatusCode;
use serde_json::Value;

/// A successful answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// `{"success":true}`.
    Success,
    Json(Value),
    /// A picture of one transparent pixel, for what a page asks for as an image.
    Pixel,
    /// Nothing, with the status 204.
    Empty,
    Text(&'static str),
}

/// An answer as it goes over the wire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Content {
    pub status: StatusCode,
    /// Its `Content-Type`; `None` for no body.
    pub content_type: Option<&'static str>,
    pub body: Cow<'static, [u8]>,
}

impl Answer {
    /// Whether a cache may not keep it. These answer what a browser asks for with GET, too: the next event has to be asked for again.
    pub fn is_not_kept(&self) -> bool {
        matches!(self, Answer::Pixel | Answer::Empty | Answer::Text(_))
    }

    /// The answer's status, type and bytes: the same on every host.
    pub fn content(&self) -> Content {
        let content = |content_type, body| Content { status: StatusCode::OK, content_type: Some(content_type), body };
        match self {
            Answer::Success => content("application/json", Cow::Borrowed(br#"{"success":true}"#)),
            Answer::Json(json) => content("application/json", Cow::Owned(json.to_string().into_bytes())),
            Answer::Pixel => content("image/gif", Cow::Borrowed(PIXEL)),
            Answer::Empty => Content { status: StatusCode::NO_CONTENT, content_type: None, body: Cow::Borrowed(b"") },
            Answer::Text(text) => content("text/plain; charset=utf-8", Cow::Borrowed(text.as_bytes())),
        }
    }
}

/// The smallest GIF that is transparent.
const PIXEL: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01D\0;";
