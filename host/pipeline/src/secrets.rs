//! Secrets: placeholders until the moment a request is sent.
//!
//! A tag writes `{{secret:NAME}}` in a query value, a header or the body, or asks for [`Auth`]. The values are put in here,
//! encoded for where they stand, and the result goes straight onto the wire.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;
use url::{Url, form_urlencoded};

use crate::output::{Auth, Encoding};
use crate::permit::Permitted;

const OPEN: &str = "{{secret:";
const CLOSE: &str = "}}";

/// Why a placeholder is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PlaceholderError {
    #[error("a secret is written `{{{{secret:NAME}}}}`, with letters, digits and `_` in NAME")]
    Malformed,
    #[error("a secret stands in a query value, a header or the body, not elsewhere in a URL")]
    Place,
}

/// Gives secrets' values by name.
pub trait Secrets {
    fn value(&self, name: &str) -> Option<&str>;
}

/// A request with its secrets in. It is made just before it is sent, and never shown.
pub struct Sealed {
    pub method: http::Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why the secrets could not be put in. It never says a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SealError {
    #[error("the secret `{0}` has no value")]
    NoValue(String),
    #[error("the value of a secret in header `{0}` cannot stand in a header")]
    Header(String),
    #[error("the URL is none with its secrets in")]
    Url,
    #[error("it could not be signed")]
    Sign,
}

/// Puts the secrets into a permitted request and signs it where it asks for that. `now` is what AWS signatures are dated with.
///
/// # Errors
/// When a secret has no value, or one that cannot stand where it is asked for.
pub fn seal(request: &Permitted, secrets: &dyn Secrets, now: SystemTime) -> Result<Sealed, SealError> {
    let mut url = request.url.clone();
    if let Some(query) = request.url.query().filter(|query| query.contains(OPEN)) {
        url.set_query(Some(&fill(query, secrets, form_encoded)?));
    }
    let mut headers = HeaderMap::with_capacity(request.headers.len() + 2);
    for (name, value) in &request.headers {
        let filled = fill(value, secrets, str::to_owned)?;
        let secret = matches!(filled, Cow::Owned(_));
        headers.append(name, header_value(name, &filled, secret)?);
    }
    let body = fill_body(request, secrets)?;
    let mut sealed = Sealed { method: request.method.clone(), url, headers, body };
    if let Some(auth) = &request.auth {
        authenticate(&mut sealed, auth, secrets, now)?;
    }
    Ok(sealed)
}

/// Puts the placeholders back into a text of the vendor that may quote the request: a person reads it later.
pub fn mask(mut text: String, request: &Permitted, secrets: &dyn Secrets) -> String {
    // `permit` has read them before, so there is no error.
    for name in named_in(request).unwrap_or_default() {
        let Some(value) = secrets.value(&name).filter(|value| !value.is_empty()) else { continue };
        let placeholder = format!("{OPEN}{name}{CLOSE}");
        for written in [value.to_owned(), form_encoded(value), json_escaped(value)] {
            if text.contains(&written) {
                text = text.replace(&written, &placeholder);
            }
        }
    }
    if let Some(auth @ Auth::Basic { user, password }) = &request.auth
        && let Ok(credentials) = basic(user, password, secrets)
        && text.contains(&credentials)
    {
        text = text.replace(&credentials, shown_auth(auth).1.trim_start_matches("Basic "));
    }
    text
}

/// The names of all secrets that a request asks for.
pub(crate) fn named_in(request: &Permitted) -> Result<BTreeSet<String>, PlaceholderError> {
    let mut names = BTreeSet::new();
    let url = &request.url;
    // Braces in a path are percent-encoded by the parser, and a host has none.
    if url.path().to_ascii_lowercase().contains("%7b%7bsecret:") {
        return Err(PlaceholderError::Place);
    }
    if let Some(query) = url.query() {
        if query.split('&').any(|pair| pair.split('=').next().is_some_and(|key| key.contains(OPEN))) {
            return Err(PlaceholderError::Place);
        }
        collect_names(query, &mut names)?;
    }
    for (_, value) in &request.headers {
        collect_names(value, &mut names)?;
    }
    if let Ok(body) = std::str::from_utf8(&request.body) {
        collect_names(body, &mut names)?;
    }
    match &request.auth {
        None => {}
        Some(Auth::Bearer { token: key } | Auth::HmacSha256 { key, .. }) => drop(names.insert(key.clone())),
        Some(Auth::Basic { user, password }) => {
            collect_names(user, &mut names)?;
            if !password.is_empty() {
                names.insert(password.clone());
            }
        }
        Some(Auth::AwsSigV4 { access_key, secret_key, session_token, .. }) => {
            names.extend([access_key.clone(), secret_key.clone()]);
            names.extend(session_token.clone());
        }
    }
    Ok(names)
}

/// The header that `auth` will make, as a person may see it.
pub(crate) fn shown_auth(auth: &Auth) -> (String, String) {
    let authorization = AUTHORIZATION.as_str().to_owned();
    match auth {
        Auth::Bearer { token } => (authorization, format!("Bearer {OPEN}{token}{CLOSE}")),
        Auth::Basic { user, password } if password.is_empty() => (authorization, format!("Basic {user}:")),
        Auth::Basic { user, password } => (authorization, format!("Basic {user}:{OPEN}{password}{CLOSE}")),
        Auth::HmacSha256 { key, header, prefix, .. } => {
            (header.to_ascii_lowercase(), format!("{prefix}{{{{hmac-sha256:{key}}}}}"))
        }
        Auth::AwsSigV4 { access_key, .. } => (authorization, format!("AWS4-HMAC-SHA256 {OPEN}{access_key}{CLOSE}")),
    }
}

fn collect_names(text: &str, names: &mut BTreeSet<String>) -> Result<(), PlaceholderError> {
    for part in text.split(OPEN).skip(1) {
        let name = part.split_once(CLOSE).map(|(name, _)| name).filter(|name| is_name(name));
        names.insert(name.ok_or(PlaceholderError::Malformed)?.to_owned());
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Replaces the placeholders in a text by their encoded values; borrowed where there are none.
fn fill<'t>(text: &'t str, secrets: &dyn Secrets, encode: fn(&str) -> String) -> Result<Cow<'t, str>, SealError> {
    if !text.contains(OPEN) {
        return Ok(Cow::Borrowed(text));
    }
    let mut parts = text.split(OPEN);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // `permit` has seen that every placeholder is whole.
        let (name, rest) = part.split_once(CLOSE).unwrap_or((part, ""));
        filled.push_str(&encode(value(secrets, name)?));
        filled.push_str(rest);
    }
    Ok(Cow::Owned(filled))
}

fn fill_body(request: &Permitted, secrets: &dyn Secrets) -> Result<Vec<u8>, SealError> {
    let Ok(text) = std::str::from_utf8(&request.body) else { return Ok(request.body.clone()) };
    let content_type =
        request.headers.iter().find(|(name, _)| name == CONTENT_TYPE).map(|(_, value)| value.to_ascii_lowercase());
    let content_type = content_type.as_deref().unwrap_or_default();
    let filled = if content_type.contains("json") {
        fill(text, secrets, json_escaped)
    } else if content_type.contains("x-www-form-urlencoded") {
        fill(text, secrets, form_encoded)
    } else {
        fill(text, secrets, str::to_owned)
    };
    Ok(filled?.into_owned().into_bytes())
}

fn form_encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// A value as it stands inside a JSON string.
fn json_escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn value<'s>(secrets: &'s dyn Secrets, name: &str) -> Result<&'s str, SealError> {
    secrets.value(name).ok_or_else(|| SealError::NoValue(name.to_owned()))
}

fn header_value(name: &HeaderName, text: &str, secret: bool) -> Result<HeaderValue, SealError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| SealError::Header(name.to_string()))?;
    value.set_sensitive(secret);
    Ok(value)
}

fn authenticate(sealed: &mut Sealed, auth: &Auth, secrets: &dyn Secrets, now: SystemTime) -> Result<(), SealError> {
    let (name, text) = match auth {
        Auth::Bearer { token } => (AUTHORIZATION, format!("Bearer {}", value(secrets, token)?)),
        Auth::Basic { user, password } => (AUTHORIZATION, format!("Basic {}", basic(user, password, secrets)?)),
        Auth::HmacSha256 { key, header, prefix, encoding } => {
            let name = HeaderName::from_bytes(header.as_bytes()).map_err(|_| SealError::Header(header.clone()))?;
            let digest = hmac_sha256(value(secrets, key)?, &sealed.body)?;
            let digest = match encoding {
                Encoding::Hex => hex::encode(digest),
                Encoding::Base64 => BASE64.encode(digest),
            };
            (name, format!("{prefix}{digest}"))
        }
        Auth::AwsSigV4 { .. } => return sign_aws(sealed, auth, secrets, now),
    };
    let text = header_value(&name, &text, true)?;
    sealed.headers.insert(name, text);
    Ok(())
}

/// Credentials as RFC 7617 has them.
fn basic(user: &str, password: &str, secrets: &dyn Secrets) -> Result<String, SealError> {
    let user = fill(user, secrets, str::to_owned)?;
    let password = if password.is_empty() { "" } else { value(secrets, password)? };
    Ok(BASE64.encode(format!("{user}:{password}")))
}

fn hmac_sha256(key: &str, body: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|_| SealError::Sign)?;
    mac.update(body);
    Ok(mac.finalize().into_bytes().to_vec())
}

fn sign_aws(sealed: &mut Sealed, auth: &Auth, secrets: &dyn Secrets, now: SystemTime) -> Result<(), SealError> {
    let Auth::AwsSigV4 { access_key, secret_key, session_token, region, service } = auth else { return Ok(()) };
    let token = session_token.as_deref().map(|name| value(secrets, name)).transpose()?;
    let credentials = Credentials::new(
        value(secrets, access_key)?,
        value(secrets, secret_key)?,
        token.map(str::to_owned),
        None,
        "container",
    );
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| SealError::Sign)?;
    let headers: Vec<(&str, &str)> =
        sealed.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    let request = SignableRequest::new(
        sealed.method.as_str(),
        sealed.url.as_str(),
        headers.into_iter(),
        SignableBody::Bytes(&sealed.body),
    );
    let signed = request.and_then(|request| sign(request, &params.into())).map_err(|_| SealError::Sign)?;
    let (instructions, _) = signed.into_parts();
    let (new_headers, _) = instructions.into_parts();
    for header in new_headers {
        let name = HeaderName::from_bytes(header.name().as_bytes()).map_err(|_| SealError::Sign)?;
        let value = header_value(&name, header.value(), true)?;
        sealed.headers.insert(name, value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::{Grant, HostPattern};
    use crate::output::Request;
    use crate::path::Fields;
    use crate::permit::{SecretBindings, permit};

    struct Fixed;

    impl Secrets for Fixed {
        fn value(&self, name: &str) -> Option<&str> {
            Some(match name {
                "plain" => "s3cret",
                "odd" => "a\"b&c d",
                "line" => "a\r\nb",
                "access" => "AKIDEXAMPLE",
                "key" => "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                _ => return None,
            })
        }
    }

    fn permitted(change: impl FnOnce(&mut Request)) -> Permitted {
        let mut request = Request {
            method: http::Method::POST,
            url: "https://example.amazonaws.com/".to_owned(),
            headers: vec![],
            body: vec![],
            auth: None,
            events: vec![0],
        };
        change(&mut request);
        let hosts = vec![HostPattern::parse("example.amazonaws.com").expect("pattern")];
        let grant = Grant { hosts, fields: Fields::default(), private_network: false, plain_http: false };
        let names = ["plain", "odd", "line", "access", "key", "none"].map(|name| (name.to_owned(), None));
        permit(request, 1, &grant, &SecretBindings(names.into())).expect("permitted")
    }

    fn sealed(change: impl FnOnce(&mut Request)) -> Result<Sealed, SealError> {
        // The instant of AWS's published Signature Version 4 test suite: 20150830T123600Z.
        seal(&permitted(change), &Fixed, SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_440_938_160))
    }

    #[test]
    fn values_are_encoded_for_where_they_stand() {
        let body = |content_type: &str, expected: &str| {
            let sealed = sealed(|request| {
                request.headers = vec![("content-type".to_owned(), content_type.to_owned())];
                request.body = b"<{{secret:odd}}>".to_vec();
            });
            assert_eq!(sealed.map(|sealed| sealed.body).as_deref(), Ok(expected.as_bytes()), "{content_type}");
        };
        body("application/json; charset=utf-8", "<a\\\"b&c d>");
        body("application/x-www-form-urlencoded", "<a%22b%26c+d>");
        body("text/plain", "<a\"b&c d>");
        let query = sealed(|request| request.url.push_str("?a=1&key={{secret:odd}}&b={{secret:plain}}"));
        assert_eq!(
            query.map(|sealed| sealed.url.to_string()).as_deref(),
            Ok("https://example.amazonaws.com/?a=1&key=a%22b%26c+d&b=s3cret")
        );
    }

    #[test]
    fn a_value_that_cannot_stand_in_a_header_is_an_error_without_it() {
        let header = |value: &str| {
            sealed(|request| request.headers = vec![("x-key".to_owned(), value.to_owned())])
                .map(|_| ())
                .map_err(|error| error.to_string())
        };
        assert_eq!(header("{{secret:plain}}"), Ok(()));
        assert_eq!(
            header("{{secret:line}}"),
            Err("the value of a secret in header `x-key` cannot stand in a header".to_owned())
        );
        assert_eq!(header("{{secret:none}}"), Err("the secret `none` has no value".to_owned()));
    }

    #[test]
    fn requests_are_authenticated() {
        let check = |auth: Auth, header: &str, expected: &str| {
            let sealed = sealed(|request| (request.auth, request.body) = (Some(auth), b"{}".to_vec()));
            let value = sealed
                .map(|sealed| sealed.headers.get(header).and_then(|value| value.to_str().ok()).map(str::to_owned));
            assert_eq!(value, Ok(Some(expected.to_owned())));
        };
        check(Auth::Bearer { token: "plain".to_owned() }, "authorization", "Bearer s3cret");
        let basic = |user: &str, password: &str| Auth::Basic { user: user.to_owned(), password: password.to_owned() };
        check(basic("jane", "plain"), "authorization", "Basic amFuZTpzM2NyZXQ=");
        check(basic("{{secret:plain}}", ""), "authorization", "Basic czNjcmV0Og==");
        let hmac = |encoding| Auth::HmacSha256 {
            key: "plain".to_owned(),
            header: "X-Signature".to_owned(),
            prefix: "sha256=".to_owned(),
            encoding,
        };
        check(
            hmac(Encoding::Hex),
            "x-signature",
            "sha256=adbde1ce40c89c14215687d5d762a47df6dfaefcfad61e2e86718ffc8498571b",
        );
        check(hmac(Encoding::Base64), "x-signature", "sha256=rb3hzkDInBQhVofV12Kkffbfrvz61h4uhnGP/ISYVxs=");
    }

    #[test]
    fn a_vendor_that_quotes_a_secret_is_not_quoted_with_it() {
        let check = |change: fn(&mut Request), answer: &str, expected: &str| {
            assert_eq!(mask(answer.to_owned(), &permitted(change), &Fixed), expected);
        };
        let odd = |request: &mut Request| request.url.push_str("?key={{secret:odd}}");
        check(odd, "no such key: a\"b&c d", "no such key: {{secret:odd}}");
        check(odd, "/?key=a%22b%26c+d", "/?key={{secret:odd}}");
        check(odd, r#"{"key":"a\"b&c d"}"#, r#"{"key":"{{secret:odd}}"}"#);
        check(odd, "s3cret is not of this request", "s3cret is not of this request");
        let basic = |request: &mut Request| {
            request.auth = Some(Auth::Basic { user: "jane".to_owned(), password: "plain".to_owned() });
        };
        check(basic, "who is amFuZTpzM2NyZXQ=?", "who is jane:{{secret:plain}}?");
        check(|_| {}, "s3cret", "s3cret");
    }

    #[test]
    fn aws_signatures_are_those_of_the_published_suite() {
        let sealed = sealed(|request| {
            request.method = http::Method::GET;
            request.auth = Some(Auth::AwsSigV4 {
                access_key: "access".to_owned(),
                secret_key: "key".to_owned(),
                session_token: None,
                region: "us-east-1".to_owned(),
                service: "service".to_owned(),
            });
        });
        let authorization =
            sealed.map(|sealed| sealed.headers[AUTHORIZATION].to_str().map(str::to_owned).unwrap_or_default());
        // `get-vanilla` of the suite.
        let expected = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
        assert_eq!(authorization.as_deref(), Ok(expected));
    }
}
