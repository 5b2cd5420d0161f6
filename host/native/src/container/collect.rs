//! `[collect]`: write keys, host names, origins and the prefix.

use std::collections::HashSet;

use tagyard_pipeline::addresses::mended as mended_host;
use url::{Position, Url};

use super::node::Node;
use super::problem::Problem;

pub(super) fn check(root: Node<'_>, problems: &mut Vec<Problem>) {
    let Some(collect) = root.get("collect") else { return };
    let mut seen = HashSet::new();
    for (key, span) in collect.get("write_keys").into_iter().flat_map(Node::texts) {
        if key.trim() != key {
            problems.push(Problem::new(span, "a write key begins and ends without spaces"));
        }
        if !seen.insert(key) {
            problems.push(Problem::new(span, "this write key stands here twice"));
        }
    }
    let mut seen = HashSet::new();
    for (host, span) in collect.get("hosts").into_iter().flat_map(Node::texts) {
        if let Some(help) = mended_host(host) {
            problems.push(Problem::new(span, format!("`{host}` is no host name")).help(help));
        }
        if !seen.insert(host) {
            problems.push(Problem::new(span, "this host name stands here twice"));
        }
    }
    if let Some(prefix) = collect.get("prefix") {
        check_path(prefix, problems);
    }
    for (origin, span) in collect.get("origins").into_iter().flat_map(Node::texts) {
        if let Some(help) = mended(origin) {
            problems.push(Problem::new(span, format!("`{origin}` is no origin")).help(help));
        }
    }
}

/// Reports a path that no request can have: one that does not begin with a slash, ends with one, or has parts that are empty, are
/// dots, or would be written otherwise in a request.
pub(super) fn check_path(node: Node<'_>, problems: &mut Vec<Problem>) {
    let Some(path) = node.text() else { return };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let is_good = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(is_plain);
    if path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_good)) {
        return;
    }
    let parts: Vec<&str> = path.split('/').filter(|part| is_good(part)).collect();
    let problem = Problem::new(node.span(), format!("`{path}` is no path"));
    problems.push(match parts.is_empty() {
        true => problem.help("write it as `/metrics` or `/hooks/orders`, of letters, digits, `-`, `.`, `_` and `~`"),
        false => problem.help(format!("write it as `/{}`", parts.join("/"))),
    });
}

/// How to write an origin that is not as browsers send it (RFC 6454, section 6.2): `scheme://host`, and the port if it is not
/// the scheme's own. `None` if it is.
fn mended(origin: &str) -> Option<String> {
    const FORM: &str = "write it as browsers send it, `https://shop.example`, or `*` for all";
    if origin == "*" {
        return None;
    }
    let Ok(url) = Url::parse(origin) else { return Some(FORM.to_owned()) };
    let wild = url.host_str().is_none_or(|host| host.contains('*'));
    if wild
        || !matches!(url.scheme(), "http" | "https")
        || !url[Position::BeforeUsername..Position::BeforeHost].is_empty()
    {
        return Some(FORM.to_owned());
    }
    let canonical = url.origin().ascii_serialization();
    (canonical != origin).then(|| format!("write it as browsers send it, `{canonical}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_browsers_send_them() {
        let check = |origin: &str, expected: Option<&str>| {
            let help = mended(origin);
            assert_eq!(help.is_none(), expected.is_none(), "{origin}: {help:?}");
            assert!(expected.is_none_or(|part| help.as_ref().is_some_and(|help| help.contains(part))), "{help:?}");
        };
        check("*", None);
        check("https://shop.example", None);
        check("http://localhost:8080", None);
        check("https://shop.example/", Some("`https://shop.example`"));
        check("https://shop.example:443", Some("`https://shop.example`"));
        check("https://Shop.example/cart", Some("`https://shop.example`"));
        check("https://käse.example", Some("`https://xn--kse-qla.example`"));
        check("shop.example", Some("or `*`"));
        check("https://*.shop.example", Some("or `*`"));
        check("https://jane@shop.example", Some("or `*`"));
        check("null", Some("or `*`"));
        check("", Some("or `*`"));
    }
}
