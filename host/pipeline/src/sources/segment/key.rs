//! The write key: which container a request is for.
//!
//! It is no secret. Every page that loads an SDK shows it, so it is compared with `==`, and a key that is known in any of
//! the places where SDKs put it lets the request in, even where a proxy's own Basic authentication stands in the header.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::container::model::Collect;
use crate::sources::Refusal;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

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
    let in_header = basic(headers);
    if in_header.as_deref().is_some_and(|key| known(collect, key)) {
        return Ok(());
    }
    let mut given = in_header.is_some();
    for key in in_body.into_iter().filter_map(Value::as_str) {
        if known(collect, key) {
            return Ok(());
        }
        given = true;
    }
    let message = if given {
        "the write key is none of this container's: compare it with `write_keys` under `[collect]`"
    } else {
        "there is no write key: send it as the user name of Basic authentication, or as `writeKey` in the body"
    };
    Err(Refusal::new(StatusCode::UNAUTHORIZED, "unknown_write_key", message))
}

fn basic(headers: &HeaderMap) -> Option<String> {
    let (scheme, credentials) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let mut decoded = String::from_utf8(BASE64.decode(credentials.trim()).ok()?).ok()?;
    decoded.truncate(decoded.find(':')?);
    Some(decoded)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn verdict(authorization: &str, in_body: &Value) -> Result<(), String> {
        let collect = Collect { write_keys: vec!["shop-web".into(), "shop-ios".into()], ..Collect::default() };
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
        check(&headers, [in_body], &collect).map_err(|refusal| refusal.message)
    }

    #[test]
    fn takes_a_known_key_wherever_it_stands() {
        let basic = |text: &str| format!("Basic {}", BASE64.encode(text));
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
