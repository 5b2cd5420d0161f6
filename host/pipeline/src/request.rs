//! What is kept of the request that brought an event: only what the container asks for by name, and never all of its cookies.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::{HeaderMap, header};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::expression::Reads;
use crate::place::{self, Place};
use crate::sources::Incoming;

/// The longest value that is kept, in bytes. Browsers hold no longer cookie. A longer value is left out: a part of it would mean
/// something else.
const MAX_VALUE_BYTES: usize = 4096;

/// The most bytes that are kept of one request, names included. It lies beside every event of the request in the journal, so this
/// protects the disk from large headers on a batch of small events. What consent is read from goes in first.
const MAX_BYTES: usize = 8192;

/// What a container asks of the requests that bring its events.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Asked {
    /// `host`, `ip`, `method`, `path` and `source`, as far as they are asked for.
    parts: BTreeSet<String>,
    /// Each in the order in which it was asked for.
    headers: Vec<String>,
    cookies: Vec<String>,
    query: Vec<String>,
    /// Whether it is asked where the visitor is.
    place: bool,
}

/// What is kept of a request, as JSON; cheap to clone for each of its events.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Request(Option<Arc<str>>);

impl Asked {
    /// Asks for what an expression reads.
    pub fn add(&mut self, reads: &Reads) {
        let visitor = reads.root("visitor");
        self.place |= place::MEMBERS.iter().any(|member| visitor.is_some_and(|tree| tree.member(member).is_some()));
        for (part, read) in reads.root("request").into_iter().flat_map(|tree| tree.members()) {
            let names = read.members().map(|(name, _)| name);
            match part {
                "headers" => names.for_each(|name| self.header(name)),
                "cookies" => names.for_each(|name| self.cookie(name)),
                "query" => names.for_each(|name| self.query(name)),
                part => drop(self.parts.insert(part.to_owned())),
            }
        }
    }

    /// Asks for what another asks for, after what is asked for already.
    pub(crate) fn also(&mut self, other: Asked) {
        self.place |= other.place;
        self.parts.extend(other.parts);
        other.headers.iter().for_each(|name| self.header(name));
        other.cookies.iter().for_each(|name| self.cookie(name));
        other.query.iter().for_each(|name| self.query(name));
    }

    /// Asks where the visitor is, which is kept beside what is kept of the request.
    pub(crate) fn ask_place(&mut self) {
        self.place = true;
    }

    pub(crate) fn place(&self) -> bool {
        self.place
    }

    pub(crate) fn header(&mut self, name: &str) {
        add(&mut self.headers, name);
    }

    pub(crate) fn cookie(&mut self, name: &str) {
        add(&mut self.cookies, name);
    }

    pub(crate) fn query(&mut self, name: &str) {
        add(&mut self.query, name);
    }

    /// Whether it is asked which source took it.
    pub(crate) fn asks_for_source(&self) -> bool {
        self.parts.contains("source")
    }

    /// What is asked for, in words.
    pub fn in_words(&self) -> Vec<String> {
        let part = |part: &String| match part.as_str() {
            "ip" => "the sender's address".to_owned(),
            "source" => "in which form it came".to_owned(),
            part => format!("its {part}"),
        };
        let named = |what: &'static str, names: &'static str, list: &[String]| match list {
            [] => None,
            [only] => Some(format!("the {what} {only}")),
            several => Some(format!("the {names} {}", several.join(", "))),
        };
        let lists = [
            named("header", "headers", &self.headers),
            named("cookie", "cookies", &self.cookies),
            named("parameter", "parameters", &self.query),
        ];
        let place = self.place.then(|| "where the visitor is".to_owned());
        self.parts.iter().map(part).chain(lists.into_iter().flatten()).chain(place).collect()
    }

    /// What is kept of a request.
    pub fn keep(&self, request: &Incoming<'_>) -> Request {
        if *self == Asked::default() {
            return Request::default();
        }
        let mut kept = Kept::default();
        let headers = self.headers.iter().filter_map(|name| Some((name, request.headers.get(name)?.to_str().ok()?)));
        headers.for_each(|(name, value)| kept.put("headers", name, value));
        self.cookies.iter().for_each(|name| {
            if let Some(value) = cookie(request.headers, name) {
                kept.put("cookies", name, value);
            }
        });
        if !self.query.is_empty() {
            let pairs = url::form_urlencoded::parse(request.query.unwrap_or_default().as_bytes());
            pairs.filter(|(name, _)| self.query.iter().any(|asked| asked == name)).for_each(|(name, value)| {
                kept.put("query", &name, &value);
            });
        }
        for part in &self.parts {
            match part.as_str() {
                "host" => kept.part("host", request.headers.get(header::HOST).and_then(|host| host.to_str().ok())),
                "ip" => kept.part("ip", request.peer.map(|ip| ip.to_canonical().to_string()).as_deref()),
                "method" => kept.part("method", Some(request.method.as_str())),
                // It is in every record.
                "source" => {}
                _ => kept.part("path", Some(request.path)),
            }
        }
        if kept.fields.is_empty() {
            return Request::default();
        }
        Request(Some(Value::Object(kept.fields).to_string().into()))
    }
}

impl Request {
    /// Whether nothing is kept of it.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// As it lies in a record.
    pub(crate) fn from_json(json: &str) -> Self {
        Request(Some(json.into()))
    }

    pub(crate) fn json(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The same with where its visitor is.
    pub(crate) fn with_place(&self, place: &Place) -> Self {
        let mut fields = self.fields();
        fields.insert("place".to_owned(), Value::Object(place.to_map()));
        Request(Some(Value::Object(fields).to_string().into()))
    }

    /// As values: `{"path", "headers": {…}, …}`.
    pub fn fields(&self) -> Map<String, Value> {
        self.json().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(|fields| Request(Some(Value::Object(fields).to_string().into())))
    }
}

/// What has been gathered, and how long it is.
#[derive(Default)]
struct Kept {
    fields: Map<String, Value>,
    bytes: usize,
}

impl Kept {
    fn put(&mut self, list: &str, name: &str, value: &str) {
        if !self.fits(name, value) {
            return;
        }
        let list = self.fields.entry(list).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(list) = list {
            // Of what is there twice the first counts.
            list.entry(name).or_insert_with(|| Value::from(value));
        }
    }

    fn part(&mut self, name: &str, value: Option<&str>) {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return };
        if self.fits(name, value) {
            self.fields.insert(name.to_owned(), Value::from(value));
        }
    }

    fn fits(&mut self, name: &str, value: &str) -> bool {
        let bytes = self.bytes + name.len() + value.len();
        let fits = value.len() <= MAX_VALUE_BYTES && bytes <= MAX_BYTES;
        if fits {
            self.bytes = bytes;
        }
        fits
    }
}

fn add(names: &mut Vec<String>, name: &str) {
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    cookies(headers).find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The cookies as they were sent (RFC 6265, section 4.2), without the quotes around their values. Whoever goes through them keeps
/// those that the container names, and no others.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    lines
        .flat_map(|all| all.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (name, value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::expression::Expression;
    use http::Method;
    use jiff::Timestamp;
    use serde_json::json;

    fn check(expressions: &[&str], headers: &[(&str, &str)], query: &str, expected: Value) {
        let mut asked = Asked::default();
        expressions.iter().for_each(|source| asked.add(Expression::compile(source).unwrap().reads()));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        let kept = asked.keep(&Incoming {
            method: &Method::POST,
            path: "/v1/page",
            query: Some(query),
            headers: &map,
            body: b"",
            peer: "::ffff:192.0.2.7".parse().ok(),
            received_at: Timestamp::UNIX_EPOCH,
        });
        assert_eq!(Value::Object(kept.fields()), expected, "{expressions:?}");
    }

    #[test]
    fn what_is_asked_for_by_name_is_kept_and_nothing_else() {
        let headers = [
            ("host", "collect.shop.example"),
            ("user-agent", "curl/8"),
            ("cookie", "session=s3cret; theme=dark"),
            ("cookie", "lang=\"de\"; theme=light"),
        ];
        check(&["event.a == 1.0", "vars.x == 'y'"], &headers, "gclid=1", json!({}));
        check(
            &["request.path == '/' && request.method == 'GET'", "request.host == request.ip"],
            &headers,
            "",
            json!({"path": "/v1/page", "method": "POST", "host": "collect.shop.example", "ip": "192.0.2.7"}),
        );
        check(
            &["request.headers['user-agent'] != '' || request.cookies.theme == 'dark'", "has(request.cookies.lang)"],
            &headers,
            "",
            json!({"headers": {"user-agent": "curl/8"}, "cookies": {"theme": "dark", "lang": "de"}}),
        );
        check(
            &["request.query.gclid == 'a b'", "request.headers.dnt == '1'"],
            &headers,
            "gclid=a+b&gclid=c&email=x",
            json!({"query": {"gclid": "a b"}}),
        );
    }

    #[test]
    fn what_is_long_is_left_out() {
        let (long, longest) = ("x".repeat(MAX_VALUE_BYTES + 1), "x".repeat(MAX_VALUE_BYTES));
        let (first, more) = (format!("a={longest}"), format!("b={longest}; c=short"));
        let names = ["request.cookies.a == request.cookies.b || request.cookies.c == request.headers.dnt"];
        check(&names, &[("dnt", &long), ("cookie", "a=1")], "", json!({"cookies": {"a": "1"}}));
        check(&names, &[("cookie", &first), ("cookie", &more)], "", json!({"cookies": {"a": longest, "c": "short"}}));
    }
}
