//! Host names, exact or `*.` and a name for all below it.

use std::collections::HashMap;

use url::Url;

/// Names and whose they are. Of several that fit, the longest counts.
#[derive(Debug, Default)]
pub(super) struct HostNames {
    exact: HashMap<String, usize>,
    /// Without `*.`.
    below: HashMap<String, usize>,
}

impl HostNames {
    /// Adds a name, unless it is there; whose it is now.
    pub(super) fn add(&mut self, pattern: &str, container: usize) -> Option<usize> {
        let (names, name) = match pattern.strip_prefix("*.") {
            Some(name) => (&mut self.below, name),
            None => (&mut self.exact, pattern),
        };
        Some(*names.entry(name.to_owned()).or_insert(container))
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        let exact = self.exact.get(name).copied();
        if exact.is_some() || self.below.is_empty() {
            return exact;
        }
        name.match_indices('.').find_map(|(at, _)| self.below.get(&name[at + 1..])).copied()
    }
}

/// The name in a header `Host`: without the port, in small letters, without the dot that may end it.
pub(super) fn name_of(host: &str) -> Option<String> {
    let authority: http::uri::Authority = host.parse().ok()?;
    let name = authority.host();
    Some(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase())
}

/// How to write a name that is not as requests have it; `None` if it is.
pub fn mended(pattern: &str) -> Option<String> {
    const FORM: &str = "write the name alone, `metrics.shop.example`, or `*.shop.example` for all below it";
    let name = pattern.strip_prefix("*.").unwrap_or(pattern);
    let wild = if name == pattern { "" } else { "*." };
    if name.is_empty() || name.contains('*') || name.chars().any(char::is_whitespace) {
        return Some(FORM.to_owned());
    }
    // With the scheme where it has none, so that only the name is kept of whatever was written.
    let url = if name.contains("://") { Url::parse(name) } else { Url::parse(&format!("http://{name}")) };
    let Some(host) = url.ok().and_then(|url| url.host_str().map(str::to_owned)) else { return Some(FORM.to_owned()) };
    let host = host.strip_suffix('.').map_or(host.clone(), str::to_owned);
    (host != name).then(|| format!("write it as `{wild}{host}`"))
}
