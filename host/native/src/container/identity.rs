//! `[identity]`: cookies that browsers take, each with a name of its own, and only what means something.

use super::node::Node;
use super::problem::Problem;

/// The tables that have a cookie, with the name that it has by default.
const COOKIES: [(&str, &str); 3] =
    [("id", "tagyard_id"), ("vendors", "tagyard_clicks"), ("session", "tagyard_session")];

/// Names that have a cookie of a vendor's, which the collector's own would replace.
const OF_VENDORS: [&str; 14] = [
    "_epik",
    "_fbc",
    "_fbp",
    "_ga",
    "_gcl_ag",
    "_gcl_aw",
    "_gcl_dc",
    "_gcl_gb",
    "_scid",
    "_scclid",
    "_ttp",
    "_uetmsclkid",
    "li_fat_id",
    "ttclid",
];

pub(super) fn check(root: Node<'_>, problems: &mut Vec<Problem>) {
    let Some(identity) = root.get("identity") else { return };
    let tables = COOKIES.iter().filter_map(|(table, name)| Some((identity.get(table)?, *name)));
    let mut seen: Vec<&str> = Vec::new();
    for (table, default) in tables.clone() {
        let node = table.get("cookie").unwrap_or(table);
        let name = table.get("cookie").and_then(Node::text).unwrap_or(default);
        let span = if table.get("cookie").is_some() { node.span() } else { table.name };
        if seen.contains(&name) {
            problems
                .push(Problem::new(span, format!("another cookie is called `{name}`")).help("give each its own name"));
        }
        if OF_VENDORS.contains(&name) {
            problems.push(
                Problem::new(span, format!("`{name}` is a vendor's own cookie, which this one would replace"))
                    .help("give it another name"),
            );
        }
        if name.starts_with("__Host-") && identity.get("domain").is_some() {
            problems.push(
                Problem::new(span, "browsers take no cookie with `__Host-` in its name that has a domain")
                    .help("leave `identity.domain` out, or call it `__Secure-…`"),
            );
        }
        seen.push(name);
    }
    if tables.clone().next().is_some() {
        check_origins(root, problems);
    }
    if let Some(domain) = identity.get("domain") {
        check_domain(domain, tables.count(), problems);
    }
    if let Some(stream) = identity.get("vendors").and_then(|vendors| vendors.get("measurement_id")) {
        let names = identity.get("vendors").and_then(|vendors| vendors.get("names"));
        if !names.into_iter().flat_map(Node::texts).any(|(name, _)| name == "google") {
            problems.push(
                Problem::new(stream.name, "`measurement_id` means nothing without the vendor `google`")
                    .help("add it: `names = [\"google\"]`"),
            );
        }
    }
}

/// Browsers neither send nor take cookies where all origins are let in.
fn check_origins(root: Node<'_>, problems: &mut Vec<Problem>) {
    let origins = root.get("collect").and_then(|collect| collect.get("origins"));
    for (_, span) in origins.into_iter().flat_map(Node::texts).filter(|(origin, _)| *origin == "*") {
        problems.push(
            Problem::new(span, "with `*` browsers send no cookies to the collector, and take none from it")
                .help("name the origins of the site's pages, as in `origins = [\"https://shop.example\"]`"),
        );
    }
}

fn check_domain(domain: Node<'_>, cookies: usize, problems: &mut Vec<Problem>) {
    let Some(name) = domain.text() else { return };
    if cookies == 0 {
        problems.push(
            Problem::new(domain.name, "`domain` means nothing without a cookie")
                .help("turn one on: `id = {}`, `session = {}` or `vendors`"),
        );
    }
    if !name.contains('.') && name != "localhost" {
        problems.push(
            Problem::new(domain.span(), format!("browsers take no cookie for all of `{name}`"))
                .help("name the site's own domain, such as `shop.example`"),
        );
    }
}
