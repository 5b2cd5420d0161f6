//! What expressions can call besides CEL's own: what conditions on the web need and CEL lacks.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelList, CelMapKey, CelString, DYN_TYPE, LIST_TYPE, STRING_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};
use ipnet::IpNet;
use regex::{Regex, RegexBuilder};
use sha2::{Digest, Sha256};
use url::{Position, Url};

use super::{steps, values};

/// All functions that an expression may call, for what is said about one that there is not.
pub(super) const KNOWN: [&str; 31] = [
    "all",
    "bool",
    "bytes",
    "contains",
    "double",
    "dyn",
    "endsWith",
    "exists",
    "exists_one",
    "filter",
    "has",
    "hasValue",
    "inCidr",
    "int",
    "join",
    "lower",
    "map",
    "matches",
    "or",
    "orValue",
    "sha256",
    "size",
    "startsWith",
    "string",
    "trim",
    "type",
    "uint",
    "upper",
    "url",
    "userAgent",
    "value",
];

/// What `matches` becomes: CEL's own compiles its pattern again for every event.
pub(super) const MATCHES: &str = "matchesCompiled";

/// The most memory that one compiled pattern takes. A counted repetition such as `(a{1000}){1000}` is refused by it.
const PATTERN_BYTES: usize = 1024 * 1024;

/// Compiled patterns kept for each thread. Only what the container's author wrote out is compiled, so few containers have more.
const KEPT_PATTERNS: usize = 256;

/// The standard library and the functions here.
pub(super) static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    // The names are the only thing that can be wrong with it, and the tests call every one of them.
    let _ = declare(&mut env);
    Arc::new(env)
});

type Result<T> = std::result::Result<T, ExecutionError>;

fn declare(env: &mut Env) -> std::result::Result<(), DeclarationError> {
    let mut method = |name: &str, target: Type, args: Vec<Type>, function| {
        let id = format!("{name}_{}", args.iter().map(Type::name).collect::<Vec<_>>().join("_"));
        env.add_member_overload(name, &id, target, args, function)
    };
    method("lower", STRING_TYPE, vec![], |args| text(&args, 0).map(|text| owned(text.to_lowercase())))?;
    method("upper", STRING_TYPE, vec![], |args| text(&args, 0).map(|text| owned(text.to_uppercase())))?;
    method("trim", STRING_TYPE, vec![], |args| text(&args, 0).map(|text| owned(text.trim().to_owned())))?;
    method("inCidr", STRING_TYPE, vec![STRING_TYPE], |args| in_cidr(text(&args, 0)?, &[text(&args, 1)?]))?;
    method("inCidr", STRING_TYPE, vec![LIST_TYPE], |args| in_cidr(text(&args, 0)?, &texts(&args, 1)?))?;
    method(MATCHES, STRING_TYPE, vec![STRING_TYPE], |args| matches(text(&args, 0)?, text(&args, 1)?))?;
    method("join", LIST_TYPE, vec![STRING_TYPE], |args| Ok(owned(texts(&args, 0)?.join(text(&args, 1)?))))?;
    let mut function = |name: &str, function| env.add_overload(name, name, vec![STRING_TYPE], function);
    function("sha256", |args| text(&args, 0).map(|text| owned(sha256(text))))?;
    function("url", |args| url(text(&args, 0)?))?;
    function("userAgent", |args| text(&args, 0).map(user_agent))?;
    env.add_overload(steps::CHARGED, steps::CHARGED, vec![DYN_TYPE], steps::charged)?;
    Ok(())
}

/// A pattern, compiled within bounds. Matching takes time in proportion to the text.
///
/// # Errors
/// What is wrong with it, in one line.
pub fn pattern(source: &str) -> std::result::Result<Regex, String> {
    RegexBuilder::new(source).size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_BYTES).build().map_err(|error| {
        match error {
            regex::Error::CompiledTooBig(_) => "the pattern is too large: repeat less".to_owned(),
            error => {
                let message = error.to_string();
                let reason = message.lines().last().unwrap_or_default();
                format!("not a regular expression: {}", reason.strip_prefix("error: ").unwrap_or(reason))
            }
        }
    })
}

/// SHA-256, in hex.
pub(crate) fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// Where an address may lie: `10.0.0.0/8`, or one address.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn in_cidr<'b, 'v>(address: &str, networks: &[&str]) -> Result<CowVal<'b, 'v>> {
    let networks: Vec<IpNet> = networks.iter().filter_map(|text| network(text)).collect();
    let within = is_within(address, &networks).ok_or_else(|| failed("inCidr", "not an address"))?;
    Ok(CowVal::owned(CelBool::from(within)))
}

/// Whether an address lies in one of these; `None` where it is none.
pub(super) fn is_within(address: &str, networks: &[IpNet]) -> Option<bool> {
    let address = address.parse::<IpAddr>().ok()?.to_canonical();
    Some(networks.iter().any(|network| network.contains(&address)))
}

fn matches<'b, 'v>(subject: &str, source: &str) -> Result<CowVal<'b, 'v>> {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
    }
    COMPILED.with_borrow_mut(|compiled| {
        if !compiled.contains_key(source) {
            if compiled.len() >= KEPT_PATTERNS {
                compiled.clear();
            }
            compiled.insert(source.to_owned(), pattern(source).map_err(|error| failed("matches", &error))?);
        }
        let is_match = compiled.get(source).is_some_and(|pattern| pattern.is_match(subject));
        Ok(CowVal::owned(CelBool::from(is_match)))
    })
}

/// The parts of a URL; `query` by name, the first of each.
fn url<'b, 'v>(text: &str) -> Result<CowVal<'b, 'v>> {
    let url = Url::parse(text).map_err(|_| failed("url", "not a URL"))?;
    let mut parts: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::new();
    for name in URL_PARTS {
        if let Some(value) = url_part(&url, name) {
            parts.insert(CelMapKey::from(name), Box::new(CelString::from(value.into_owned())));
        }
    }
    let mut query: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::new();
    for (name, value) in url.query_pairs() {
        let name = CelMapKey::from(name.into_owned());
        query.entry(name).or_insert_with(|| Box::new(CelString::from(value.into_owned())));
    }
    parts.insert(CelMapKey::from("query"), values::map(query));
    Ok(CowVal::Owned(values::map(parts)))
}

/// The parts of a URL that are texts.
const URL_PARTS: [&str; 7] = ["scheme", "host", "port", "path", "search", "fragment", "origin"];

/// One of [`URL_PARTS`], if the URL has it.
pub(super) fn url_part<'u>(url: &'u Url, name: &str) -> Option<Cow<'u, str>> {
    match name {
        "scheme" => Some(url.scheme().into()),
        "host" => url.host_str().map(Cow::from),
        "port" => url.port_or_known_default().map(|port| port.to_string().into()),
        "path" => Some(url.path().into()),
        "search" => url.query().map(Cow::from),
        "fragment" => url.fragment().map(Cow::from),
        "origin" => Some(url[..Position::BeforePath].into()),
        _ => None,
    }
}

/// `browser`, `version`, `os`, `osVersion`, `kind` (`pc`, `smartphone`, `mobilephone`, `appliance`, `crawler`, `misc`) and `vendor`, each
/// as far as it can be told.
fn user_agent<'b, 'v>(text: &str) -> CowVal<'b, 'v> {
    let result = woothee::parser::Parser::new().parse(text);
    let mut parts: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::new();
    if let Some(agent) = result {
        let known = [
            ("browser", agent.name),
            ("version", agent.version),
            ("os", agent.os),
            ("osVersion", &agent.os_version),
            ("kind", agent.category),
            ("vendor", agent.vendor),
        ];
        for (name, value) in known.into_iter().filter(|(_, value)| !value.is_empty() && *value != "UNKNOWN") {
            parts.insert(CelMapKey::from(name), Box::new(CelString::from(value.to_owned())));
        }
    }
    CowVal::Owned(values::map(parts))
}

fn text<'a>(args: &'a [CowVal<'_, '_>], position: usize) -> Result<&'a str> {
    let value = args.get(position).ok_or(ExecutionError::MissingArgumentOrTarget)?;
    value.downcast_ref::<CelString<'_>>().map(CelString::inner).ok_or_else(|| failed("", "not a string"))
}

fn texts<'a>(args: &'a [CowVal<'_, '_>], position: usize) -> Result<Vec<&'a str>> {
    let value = args.get(position).ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let list = value.downcast_ref::<CelList<'_>>().ok_or_else(|| failed("", "not a list"))?;
    let texts = list.inner().iter().map(|item| item.downcast_ref::<CelString<'_>>().map(CelString::inner));
    texts.map(|text| text.ok_or_else(|| failed("", "not a string"))).collect()
}

fn owned<'b, 'v>(text: String) -> CowVal<'b, 'v> {
    CowVal::owned(CelString::from(text))
}

fn failed(function: &str, message: &str) -> ExecutionError {
    ExecutionError::function_error(function, message)
}
