//! `[collect.proxies]`, `[geo]` and the places that consent goes by.

use std::sync::Arc;

use tagyard_pipeline::consent::is_region;
use tagyard_pipeline::enrich::is_network;
use tagyard_pipeline::place::GROUPS;

use super::Surroundings;
use super::node::Node;
use super::problem::Problem;
use crate::geo::Database;
use crate::text::nearest;

/// Checks what is said of proxies and places; returns the database that it names.
pub(super) fn check(
    root: Node<'_>,
    surroundings: &Surroundings<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Arc<Database>> {
    let proxies = root.get("collect").and_then(|collect| collect.get("proxies"));
    let header = proxies.and_then(|proxies| proxies.get("header")).and_then(Node::text);
    let names_hops =
        header.is_none_or(|header| ["x-forwarded-for", "forwarded"].iter().any(|it| header.eq_ignore_ascii_case(it)));
    for (network, span) in proxies.and_then(|proxies| proxies.get("trusted")).into_iter().flat_map(Node::texts) {
        let problem = match is_network(network) {
            false => Problem::new(span, format!("`{network}` is no network"))
                .help("write it as `10.0.0.0/8`, or as a single address"),
            // Every hop is trusted then, and so is the first, which is the sender's to write.
            true if network.ends_with("/0") && names_hops => Problem::new(
                span,
                format!("`{network}` is everybody, so that senders could make up where they come from"),
            )
            .help("name the proxies' own addresses, or a header that holds the visitor's address alone"),
            true => continue,
        };
        problems.push(problem);
    }
    let geo = root.get("geo");
    check_consent(root, geo.is_some(), problems);
    let geo = geo?;
    if let Some(edge) = geo.get("edge")
        && proxies.is_none()
    {
        problems.push(
            Problem::new(edge.name, "nobody is believed to say where visitors are")
                .help("name the edge's own addresses: `[collect.proxies]` with `trusted = [\"…/24\"]`"),
        );
    }
    if geo.is_table() && geo.get("file").is_none() && geo.get("edge").is_none() {
        problems.push(
            Problem::new(geo.name, "nothing says where visitors are")
                .help("give it `file = \"GeoLite2-Country.mmdb\"`, or `edge = \"cloudflare\"`"),
        );
    }
    let file = geo.get("file")?;
    let path = file.text().filter(|path| !path.is_empty())?;
    match Database::open(&surroundings.base.join(path)) {
        Ok(database) => Some(database),
        Err(error) => {
            problems.push(Problem::new(file.span(), error.to_string()));
            None
        }
    }
}

fn check_consent(root: Node<'_>, has_geo: bool, problems: &mut Vec<Problem>) {
    for (_, purpose) in root.get("consent").into_iter().flat_map(Node::entries) {
        let Some(regions) = purpose.get("default_in") else { continue };
        if !has_geo {
            problems.push(
                Problem::new(
                    regions.name,
                    "nothing finds out where visitors are: the strictest of these would count for all of them",
                )
                .help("say how under `[geo]`, as by `file = \"GeoLite2-Country.mmdb\"`"),
            );
        }
        for (name, node) in regions.entries().filter(|(name, _)| !is_region(name)) {
            let problem = Problem::new(node.name, format!("`{name}` is no country or region"));
            problems.push(problem.help(match mended(name) {
                Some(mended) => format!("did you mean `{mended}`?"),
                None => "write a country as `US`, a region as `US-CA`, or name `EU` or `EEA`".to_owned(),
            }));
        }
    }
}

/// What is mostly meant by a name that is none.
fn mended(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase().replace('_', "-");
    let known = match upper.as_str() {
        "UK" => "GB",
        "EL" => "GR",
        "USA" => "US",
        _ => upper.as_str(),
    };
    if is_region(known) {
        return Some(known.to_owned());
    }
    nearest(&upper, GROUPS).map(str::to_owned)
}
