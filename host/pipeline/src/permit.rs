//! Permits: which of the requests that a tag asked for may be sent.

use std::collections::BTreeMap;

use http::header::{HeaderName, HeaderValue};
use url::Url;

use crate::grants::{self, Grant, HostPattern};
use crate::output::{Auth, Request};
use crate::secrets::{self, PlaceholderError};

/// The most requests of one call: the largest batch in one request each, twice over. More is a tag gone wrong, and a vendor
/// would be flooded.
pub const MAX_REQUESTS: usize = 4_096;

/// The longest body of one request; vendors' own limits are at 10 MB and below.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The longest URL; most servers refuse longer ones.
pub const MAX_URL_BYTES: usize = 8 * 1024;

/// The most headers, and the most bytes in them; most servers refuse more.
pub const MAX_HEADERS: usize = 64;
pub const MAX_HEADER_BYTES: usize = 16 * 1024;

/// What a request says it comes from, where its tag says nothing.
pub const AGENT: &str = concat!("tagyard/", env!("CARGO_PKG_VERSION"));

/// The headers that belong to the connection or to the host's own framing. A tag that could set them could smuggle a
/// second request, or reach another virtual host than the one it was granted.
const HOST_HEADERS: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request that may be sent. Only [`permit`] makes one, and `deliver` sends nothing else. Its secrets are still
/// placeholders.
#[derive(Clone, Debug)]
pub struct Permitted {
    pub(crate) method: http::Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) auth: Option<Auth>,
    pub(crate) events: Vec<u32>,
    pub(crate) private_network: bool,
}

/// The secrets that a tag may name, and the hosts each is bound to; `None`: every host the tag is granted.
#[derive(Clone, Debug, Default)]
pub struct SecretBindings(pub BTreeMap<String, Option<Vec<HostPattern>>>);

/// Why a request may not be sent. It says nothing of an event's values.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Refused {
    #[error("its URL is none: {0}")]
    Url(String),
    #[error("its URL has {0} bytes, and {MAX_URL_BYTES} are the most")]
    LongUrl(usize),
    #[error("its URL begins with `{0}:`; only `https:` is sent, or `http:` where `allow.plain_http` says so")]
    Scheme(String),
    #[error("its URL holds a user name or password; use `auth`")]
    Credentials,
    #[error("`{0}` is outside the tag's granted hosts; to allow it, add it to `allow.hosts`")]
    Host(String),
    #[error("`{0}` is a private address; to allow it, set `allow.private_network = true`")]
    PrivateAddress(String),
    #[error("a header's name is none: a name is letters, digits and `-`")]
    HeaderName,
    #[error("the value of header `{0}` holds a line break, a control character or a byte that is not ASCII")]
    HeaderValue(String),
    #[error("header `{0}` is the host's own to set")]
    HostHeader(String),
    #[error("it has more than {MAX_HEADERS} headers, or more than {MAX_HEADER_BYTES} bytes of them")]
    Headers,
    #[error("its body has {0} bytes, and {MAX_BODY_BYTES} are the most")]
    Body(usize),
    #[error("it carries event {0} of a call with {1}; positions begin at 0")]
    Event(u32, usize),
    #[error("{0}")]
    Placeholder(#[from] PlaceholderError),
    #[error("it names the secret `{0}`, which the container does not give this tag; add it under `secrets`")]
    UnknownSecret(String),
    #[error("the secret `{secret}` is not bound to `{host}`; add the host to the secret's `hosts`")]
    UnboundSecret { secret: String, host: String },
}

/// Checks one request of a call with `events` events against what the tag was granted.
///
/// # Errors
/// The first thing about it that is not permitted.
pub fn permit(request: Request, events: usize, grant: &Grant, secrets: &SecretBindings) -> Result<Permitted, Refused> {
    let url = permit_url(&request.url, grant)?;
    let headers = permit_headers(request.headers)?;
    if let Some(Auth::HmacSha256 { header, prefix, .. }) = &request.auth {
        permit_headers(vec![(header.clone(), prefix.clone())])?;
    }
    if request.body.len() > MAX_BODY_BYTES {
        return Err(Refused::Body(request.body.len()));
    }
    let carried = if request.events.is_empty() && events == 1 { vec![0] } else { request.events };
    if let Some(event) = carried.iter().find(|event| **event as usize >= events) {
        return Err(Refused::Event(*event, events));
    }
    let permitted = Permitted {
        method: request.method,
        url,
        headers,
        body: request.body,
        auth: request.auth,
        events: carried,
        private_network: grant.private_network,
    };
    permit_secrets(&permitted, secrets)?;
    Ok(permitted)
}

impl Permitted {
    /// Positions of the call's events that it carries.
    pub fn events(&self) -> &[u32] {
        &self.events
    }

    pub fn method(&self) -> &http::Method {
        &self.method
    }

    /// With placeholders where secrets go.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// With placeholders where secrets go.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether it may go to a private address.
    pub fn private_network(&self) -> bool {
        self.private_network
    }

    /// The headers as a person may see them: secrets as placeholders, what `auth` asks for by name.
    pub fn shown_headers(&self) -> Vec<(String, String)> {
        let given = self.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone()));
        given.chain(self.auth.as_ref().map(secrets::shown_auth)).collect()
    }
}

fn permit_url(text: &str, grant: &Grant) -> Result<Url, Refused> {
    if text.len() > MAX_URL_BYTES {
        return Err(Refused::LongUrl(text.len()));
    }
    let mut url = Url::parse(text).map_err(|error| Refused::Url(error.to_string()))?;
    match url.scheme() {
        "https" => {}
        "http" if grant.plain_http => {}
        scheme => return Err(Refused::Scheme(scheme.chars().take(16).collect())),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Credentials);
    }
    url.set_fragment(None);
    let host = url.host_str().unwrap_or_default().to_owned();
    let port = url.port_or_known_default().unwrap_or_default();
    // Plain HTTP's own port needs no mention in a pattern: it was granted as a scheme.
    let granted = grant.reaches(&host, port) || (url.scheme() == "http" && port == 80 && grant.reaches(&host, 443));
    if !granted {
        return Err(Refused::Host(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host,
        }));
    }
    let address = match url.host() {
        Some(url::Host::Ipv4(address)) => Some(address.into()),
        Some(url::Host::Ipv6(address)) => Some(address.into()),
        _ => None,
    };
    // A name is looked up only when it is sent to, so `deliver` checks what it turns out to mean.
    if address.is_some_and(grants::is_private) && !grant.private_network {
        return Err(Refused::PrivateAddress(host));
    }
    Ok(url)
}

fn permit_headers(headers: Vec<(String, String)>) -> Result<Vec<(HeaderName, String)>, Refused> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(Refused::Headers);
    }
    headers
        .into_iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Refused::HeaderName)?;
            if HOST_HEADERS.contains(&name.as_str()) {
                return Err(Refused::HostHeader(name.to_string()));
            }
            if !value.is_ascii() || HeaderValue::from_str(&value).is_err() {
                return Err(Refused::HeaderValue(name.to_string()));
            }
            Ok((name, value))
        })
        .collect()
}

fn permit_secrets(permitted: &Permitted, bindings: &SecretBindings) -> Result<(), Refused> {
    let host = permitted.url.host_str().unwrap_or_default();
    let port = permitted.url.port_or_known_default().unwrap_or_default();
    for name in secrets::named_in(permitted)? {
        let Some(hosts) = bindings.0.get(&name) else { return Err(Refused::UnknownSecret(name)) };
        if hosts.as_ref().is_some_and(|hosts| !hosts.iter().any(|pattern| pattern.matches(host, port))) {
            return Err(Refused::UnboundSecret { secret: name, host: host.to_owned() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Fields;

    fn grant() -> Grant {
        let hosts = ["api.vendor.com", "10.0.0.7:8080"].map(|host| HostPattern::parse(host).expect("pattern"));
        Grant { hosts: hosts.into(), fields: Fields::default(), private_network: false, plain_http: false }
    }

    fn check(change: impl FnOnce(&mut Request, &mut Grant), expected: Result<(), &str>) {
        let mut request = Request {
            method: http::Method::POST,
            url: "https://api.vendor.com/v1?key={{secret:key}}".to_owned(),
            headers: vec![("x-key".to_owned(), "{{secret:key}}".to_owned())],
            body: b"{\"key\":\"{{secret:key}}\"}".to_vec(),
            auth: None,
            events: vec![0],
        };
        let mut grant = grant();
        change(&mut request, &mut grant);
        let bound = HostPattern::parse("eu.vendor.com").expect("pattern");
        let secrets = [("key".to_owned(), None), ("elsewhere".to_owned(), Some(vec![bound]))];
        let actual = permit(request, 1, &grant, &SecretBindings(secrets.into()));
        assert_eq!(actual.map(|_| ()).map_err(|refused| refused.to_string()), expected.map_err(str::to_owned));
    }

    fn check_url(url: &str, expected: Result<(), &str>) {
        check(|request, _| request.url = url.to_owned(), expected);
    }

    #[test]
    fn only_granted_urls() {
        check_url("https://api.vendor.com/v1", Ok(()));
        check_url("https://API.VENDOR.COM:443/v1#x", Ok(()));
        let outside =
            |host: &str| format!("`{host}` is outside the tag's granted hosts; to allow it, add it to `allow.hosts`");
        check_url("https://evil.example/v1", Err(&outside("evil.example")));
        check_url("https://api.vendor.com:8443/", Err(&outside("api.vendor.com:8443")));
        check_url("https://api.vendor.com.evil.example/", Err(&outside("api.vendor.com.evil.example")));
        check_url("https://api.vendor.com\\@evil.example/", Ok(()));
        check_url("https://api.vendor.com@evil.example/", Err("its URL holds a user name or password; use `auth`"));
        check_url(
            "http://api.vendor.com/",
            Err("its URL begins with `http:`; only `https:` is sent, or `http:` where `allow.plain_http` says so"),
        );
        check_url(
            "file:///etc/passwd",
            Err("its URL begins with `file:`; only `https:` is sent, or `http:` where `allow.plain_http` says so"),
        );
        check_url("/v1", Err("its URL is none: relative URL without a base"));
        let private = "`10.0.0.7` is a private address; to allow it, set `allow.private_network = true`";
        check_url("https://10.0.0.7:8080/", Err(private));
        check_url("https://0xa000007:8080/", Err(private));
    }

    #[test]
    fn private_and_plain_where_granted() {
        check(
            |request, grant| {
                request.url = "http://10.0.0.7:8080/".to_owned();
                (grant.private_network, grant.plain_http) = (true, true);
            },
            Ok(()),
        );
        check(
            |request, grant| {
                request.url = "http://api.vendor.com/".to_owned();
                grant.plain_http = true;
            },
            Ok(()),
        );
    }

    #[test]
    fn headers_cannot_smuggle() {
        let header = |name: &str, value: &str, expected| {
            check(|request, _| request.headers = vec![(name.to_owned(), value.to_owned())], expected);
        };
        let value = "the value of header `x-a` holds a line break, a control character or a byte that is not ASCII";
        header("x-a", "one\r\nhost: evil.example", Err(value));
        header("x-a", "caf\u{e9}", Err(value));
        header("x-a\r\n", "1", Err("a header's name is none: a name is letters, digits and `-`"));
        header("Host", "evil.example", Err("header `host` is the host's own to set"));
        header("Transfer-Encoding", "chunked", Err("header `transfer-encoding` is the host's own to set"));
        header("x-a", "fine", Ok(()));
        check(
            |request, _| request.headers = vec![("x-a".to_owned(), "1".to_owned()); 65],
            Err("it has more than 64 headers, or more than 16384 bytes of them"),
        );
    }

    #[test]
    fn secrets_go_only_where_they_belong() {
        let body = |body: &str, expected| check(|request, _| request.body = body.as_bytes().to_vec(), expected);
        body("{{secret:key}}", Ok(()));
        body(
            "{{secret:other}}",
            Err("it names the secret `other`, which the container does not give this tag; add it under `secrets`"),
        );
        body(
            "{{secret:elsewhere}}",
            Err("the secret `elsewhere` is not bound to `api.vendor.com`; add the host to the secret's `hosts`"),
        );
        body("{{secret:}", Err("a secret is written `{{secret:NAME}}`, with letters, digits and `_` in NAME"));
        check_url(
            "https://api.vendor.com/{{secret:key}}",
            Err("a secret stands in a query value, a header or the body, not elsewhere in a URL"),
        );
        check(
            |request, _| request.auth = Some(Auth::Bearer { token: "nobody".to_owned() }),
            Err("it names the secret `nobody`, which the container does not give this tag; add it under `secrets`"),
        );
    }

    #[test]
    fn positions_are_of_this_call() {
        check(|request, _| request.events = vec![1], Err("it carries event 1 of a call with 1; positions begin at 0"));
        check(|request, _| request.events = vec![], Ok(()));
    }
}
