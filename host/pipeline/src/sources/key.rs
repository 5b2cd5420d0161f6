//! The write key: which container a request is for.
//!
//! It is no secret. Every page that loads an SDK shows it, so it is compared with `==`, and a key that is known in any of
//! the places where SDKs put it lets the request in, even where a proxy's own Basic authentication stands in the header.
//! Each dialect has its own name for it; `write_keys` of the container lists them all.

use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::query::Params;
use super::{Refusal, base64, surrogate};
use crate::container::model::Collect;

/// Whether the operator lists this key.
pub(super) fn known(collect: &Collect, key: &str) -> bool {
    collect.write_keys.iter().any(|known| known == key)
}

/// Lets a request in by the user name of its Basic authentication or by what it has in `writeKey`.
pub(super) fn check<'v>(
    headers: &HeaderMap,
    in_body: impl IntoIterator<Item = &'v Value>,
    collect: &Collect,
) -> Result<(), Refusal> {
    let in_body = in_body.into_iter().filter_map(Value::as_str).map(Cow::Borrowed);
    let given = basic(headers).map(Cow::Owned).into_iter().chain(in_body);
    require(given, collect, "send it as the user name of Basic authentication, or as `writeKey` in the body")
}

/// Lets a request in by the first of its keys that is known. `how` says how a sender who has none gives one.
pub(super) fn require<'k>(
    given: impl IntoIterator<Item = Cow<'k, str>>,
    collect: &Collect,
    how: &str,
) -> Result<(), Refusal> {
    let mut any = false;
    for key in given {
        if known(collect, &key) {
            return Ok(());
        }
        any = true;
    }
    Err(if any { unknown() } else { refusal(format!("there is no write key: {how}")) })
}

/// For a request whose key is not this container's.
pub(super) fn unknown() -> Refusal {
    refusal("the write key is none of this container's: compare it with `write_keys` under `[collect]`".to_owned())
}

/// A backend's key, by any of the ways in which a backend can send one: `X-Write-Key`, a bearer token, the user name of Basic
/// authentication, or `write_key` in the query, for senders of which only the address can be set.
pub(super) fn of_backend<'r>(headers: &HeaderMap, query: &'r Params<'r>) -> Vec<Cow<'r, str>> {
    let header = headers.get("x-write-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let owned = [header, bearer(headers), basic(headers)].into_iter().flatten().map(Cow::Owned);
    owned.chain(query.get("write_key").map(Cow::Borrowed)).collect()
}

/// The keys by which [`check`] lets an event in, as far as they stand in the header and in its text.
pub(super) fn of_event(headers: &HeaderMap, text: &str) -> Vec<String> {
    basic(headers).into_iter().chain(member(text, "writeKey")).collect()
}

/// The same of a batch, which may have its key in its first event.
pub(super) fn of_batch(headers: &HeaderMap, text: &str) -> Vec<String> {
    let body: Keyed<'_> = serde_json::from_str(text).unwrap_or_default();
    let first = body.batch.iter().flatten().next().and_then(|item| member(item.get(), "writeKey"));
    let own = body.write_key.as_str().map(str::to_owned);
    basic(headers).into_iter().chain(own).chain(first).collect()
}

/// A member of an object, if it is a text. The others are passed over, and of one that is there twice the last counts, as it does for
/// an event.
pub(super) fn member(text: &str, name: &str) -> Option<String> {
    let read = |text: &str| {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        deserializer.deserialize_map(Member(name))
    };
    surrogate::parse(text, read).ok().flatten()
}

/// Looks for the member of this name.
struct Member<'n>(&'n str);

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == self.0 {
                found = map.next_value::<Value>()?.as_str().map(str::to_owned);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// A batch, of which nothing but the key is read.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Keyed<'b> {
    write_key: Value,
    #[serde(borrow)]
    batch: Option<Vec<&'b RawValue>>,
}

/// How a backend gives its key.
pub(super) const OF_BACKEND: &str = "send it as the header `X-Write-Key`, as a bearer token, as the user name of Basic authentication, or as `write_key` in the query";

fn refusal(message: String) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "unknown_write_key", message)
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

pub(super) fn basic(headers: &HeaderMap) -> Option<String> {
    let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let mut decoded = String::from_utf8(base64::decode(credentials.trim())?).ok()?;
    decoded.truncate(decoded.find(':')?);
    Some(decoded)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ::base64::Engine as _;
    use ::base64::prelude::BASE64_STANDARD;
    use serde_json::json;

    fn verdict(authorization: &str, in_body: &Value) -> Result<(), String> {
        let collect = Collect { write_keys: vec!["shop-web".into(), "shop-ios".into()], ..Collect::default() };
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        check(&headers, [in_body], &collect).map_err(|refusal| refusal.message)
    }

    #[test]
    fn takes_a_known_key_wherever_it_stands() {
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        assert_eq!(verdict(&basic("shop-ios:"), &Value::Null), Ok(()));
        assert_eq!(verdict("basic c2hvcC13ZWI6", &Value::Null), Ok(()));
        assert_eq!(verdict("Basic c2hvcC1pb3M6", &Value::Null), Ok(()));
        assert_eq!(verdict(basic("shop-ios:").trim_end_matches('='), &Value::Null), Ok(()));
        assert_eq!(verdict("", &json!("shop-web")), Ok(()));
        assert_eq!(verdict("Bearer abc", &json!("shop-web")), Ok(()));
        assert_eq!(verdict(&basic("staging:password"), &json!("shop-web")), Ok(()));
    }

    #[test]
    fn tells_a_missing_key_from_an_unknown_one_and_repeats_neither() {
        let check = |authorization: &str, in_body: Value, expected: &str| {
            let message = verdict(authorization, &in_body).unwrap_err();
            assert!(message.starts_with(expected), "{authorization} {in_body}: {message}");
            assert!(!message.contains("elsewhere"), "{message}");
        };
        check("", Value::Null, "there is no write key");
        check("Basic !!!", json!(7), "there is no write key");
        check("Basic c2hvcC13ZWI", Value::Null, "there is no write key");
        check("", json!("elsewhere"), "the write key is none of this container's");
        check("Basic ZWxzZXdoZXJlOg==", Value::Null, "the write key is none of this container's");
    }
}
