//! Who may send to a webhook.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::WebhookError;
use crate::container::model;
use crate::sources::query::Params;
use crate::sources::{Incoming, Refusal, Rules, key};

/// What a sender has to show. A secret's value is not printed.
#[derive(Default)]
pub(super) struct Sender {
    key: Option<Secret>,
    signature: Option<Secret>,
}

struct Secret {
    header: HeaderName,
    value: String,
}

/// Headers that an expression does not see, as they are credentials: beside those that the webhook names itself.
const HIDDEN: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

impl Sender {
    pub(super) fn new(spec: &model::Webhook, read: &dyn Fn(&str) -> Option<String>) -> Result<Self, WebhookError> {
        let secret = |given: &model::HeaderSecret| {
            let header = given.header.parse().map_err(|_| WebhookError::Header(given.header.clone()))?;
            let value = read(&given.env).ok_or_else(|| WebhookError::Secret(given.env.clone()))?;
            Ok(Secret { header, value })
        };
        Ok(Sender {
            key: spec.key.as_ref().map(secret).transpose()?,
            signature: spec.signature.as_ref().map(secret).transpose()?,
        })
    }

    /// Lets a request in that shows all that the webhook asks for, or else a write key of the container.
    pub(super) fn check(&self, request: &Incoming<'_>, query: &Params<'_>, rules: &Rules) -> Result<(), Refusal> {
        if self.key.is_none() && self.signature.is_none() {
            return key::require(key::of_backend(request.headers, query), &rules.options, key::OF_BACKEND);
        }
        if let Some(key) = &self.key {
            let sent = key.sent(request.headers)?;
            // Digests, so that the time it takes to compare tells nothing of the key.
            if Sha256::digest(sent) != Sha256::digest(key.value.as_bytes()) {
                return Err(wrong(&key.header, "is not the webhook's `key`"));
            }
        }
        if let Some(signature) = &self.signature {
            let sent = signature.sent(request.headers)?;
            if !is_signed(sent, signature.value.as_bytes(), request.body) {
                let problem = "is not the HMAC-SHA256 of the body, in hex or base64, with the webhook's `signature`";
                return Err(wrong(&signature.header, problem));
            }
        }
        Ok(())
    }

    /// The headers that an expression may see, by their names in lower case.
    pub(super) fn shown(&self, headers: &HeaderMap) -> Map<String, Value> {
        let secrets = || [&self.key, &self.signature].into_iter().flatten().map(|secret| &secret.header);
        let is_hidden = |name: &HeaderName| {
            HIDDEN.contains(name) || name == "x-write-key" || secrets().any(|secret| secret == name)
        };
        let shown = headers.iter().filter(|(name, _)| !is_hidden(name));
        shown.filter_map(|(name, value)| Some((name.as_str().to_owned(), Value::from(value.to_str().ok()?)))).collect()
    }
}

impl Secret {
    fn sent<'r>(&self, headers: &'r HeaderMap) -> Result<&'r [u8], Refusal> {
        headers.get(&self.header).map(|value| value.as_bytes()).ok_or_else(|| wrong(&self.header, "is missing"))
    }
}

fn wrong(header: &HeaderName, problem: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "unknown_sender", format!("the header `{header}` {problem}"))
}

fn is_signed(sent: &[u8], secret: &[u8], body: &[u8]) -> bool {
    // Some services write which hash it is.
    let sent = sent.strip_prefix(b"sha256=").unwrap_or(sent);
    let read = [hex::decode(sent).ok(), BASE64_STANDARD.decode(sent).ok()];
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
    let mac = mac.chain_update(body);
    // `verify_slice` takes the same time for every signature.
    read.iter().flatten().any(|signature| mac.clone().verify_slice(signature).is_ok())
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_see_no_credentials() {
        let secret = |header: &str| Some(Secret { header: header.parse().expect("a name"), value: "s".to_owned() });
        let sender = Sender { key: secret("X-Key"), signature: secret("X-Signature") };
        let names = ["authorization", "cookie", "x-key", "x-signature", "x-write-key", "x-topic"];
        let value = || http::HeaderValue::from_static("v");
        let headers = names.map(|name| (HeaderName::from_static(name), value())).into_iter().collect();
        assert_eq!(sender.shown(&headers).keys().collect::<Vec<_>>(), ["x-topic"]);
    }

    #[test]
    fn signatures_are_taken_in_hex_and_in_base64() {
        let check =
            |sent: &str, expected: bool| assert_eq!(is_signed(sent.as_bytes(), b"key", b"body"), expected, "{sent}");
        // printf body | openssl dgst -sha256 -hmac key
        let hex = "515aae133b435d4000956731f68ae5cf5eb85d4f0dc6a546d2bfcd3595ec1ae1";
        check(hex, true);
        check(&hex.to_uppercase(), true);
        check(&format!("sha256={hex}"), true);
        check(&BASE64_STANDARD.encode(hex::decode(hex).unwrap_or_default()), true);
        check(&hex.replace('0', "1"), false);
        check(&hex[..32], false);
        check("", false);
    }
}
