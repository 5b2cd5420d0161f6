//! A body as it is kept: its beginning, and enough of the rest to tell whether another one is the same.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How much of a body is kept. Nearly all requests are shorter; a batch of a warehouse may have megabytes, and a log of those would
/// push out a week of the others.
pub const KEPT_BODY_BYTES: usize = 64 * 1024;

/// A request's body, or its beginning.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SentBody {
    /// How long the whole body was.
    pub bytes: usize,
    #[serde(flatten)]
    pub kept: SentText,
    /// Of the whole body, in hexadecimal; there where not all of it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// What is kept of a body.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SentText {
    Text(String),
    /// A body that is no UTF-8.
    Base64(String),
}

impl SentBody {
    pub fn new(body: &[u8]) -> Self {
        let is_whole = body.len() <= KEPT_BODY_BYTES;
        let beginning = &body[..body.len().min(KEPT_BODY_BYTES)];
        let kept = match std::str::from_utf8(beginning) {
            Ok(text) => SentText::Text(text.to_owned()),
            // Cut in the middle of a character.
            Err(error) if !is_whole && error.error_len().is_none() => {
                SentText::Text(String::from_utf8_lossy(&beginning[..error.valid_up_to()]).into_owned())
            }
            Err(_) => SentText::Base64(BASE64_STANDARD.encode(beginning)),
        };
        let sha256 = (!is_whole).then(|| hex::encode(Sha256::digest(body)));
        SentBody { bytes: body.len(), kept, sha256 }
    }

    pub fn is_whole(&self) -> bool {
        self.sha256.is_none()
    }

    /// As JSON, where it is kept whole and is JSON.
    pub fn json(&self) -> Option<Value> {
        match &self.kept {
            SentText::Text(text) if self.is_whole() => serde_json::from_str(text).ok(),
            SentText::Text(_) | SentText::Base64(_) => None,
        }
    }

    /// What is kept, for a person to read.
    pub fn shown(&self) -> Cow<'_, str> {
        match &self.kept {
            SentText::Text(text) => Cow::Borrowed(text),
            SentText::Base64(text) => Cow::Owned(format!("(no text; in base64) {text}")),
        }
    }

    pub(super) fn kept_bytes(&self) -> usize {
        match &self.kept {
            SentText::Text(text) | SentText::Base64(text) => text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_too_long_is_cut_and_can_still_be_compared() {
        let check = |body: &[u8], whole: bool, kept: SentText| {
            let sent = SentBody::new(body);
            assert_eq!((sent.bytes, sent.is_whole(), &sent.kept), (body.len(), whole, &kept));
            let stored: SentBody = serde_json::from_value(serde_json::json!(sent)).expect("it is read back");
            assert_eq!(stored, sent);
        };
        check(b"", true, SentText::Text(String::new()));
        check(b"{\"a\":1}", true, SentText::Text("{\"a\":1}".to_owned()));
        check(&[0xff, 0], true, SentText::Base64("/wA=".to_owned()));
        let longest = "a".repeat(KEPT_BODY_BYTES);
        check(longest.as_bytes(), true, SentText::Text(longest.clone()));
        check(format!("{longest}b").as_bytes(), false, SentText::Text(longest.clone()));
        let split = format!("{}\u{e9}", &longest[1..]);
        check(split.as_bytes(), false, SentText::Text(longest[1..].to_owned()));
        assert_ne!(SentBody::new(format!("{longest}b").as_bytes()), SentBody::new(format!("{longest}c").as_bytes()));
    }
}
