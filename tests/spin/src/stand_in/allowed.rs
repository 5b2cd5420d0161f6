//! `allowed_outbound_hosts`: where a component may send to. Spin's rules, without the patterns that the project never writes.

use url::Url;
use wasmtime::Result;
use wasmtime::error::{bail, format_err};

/// One entry.
#[derive(Clone, Debug)]
pub(crate) struct Allowed {
    scheme: String,
    below: bool,
    host: String,
    port: Option<u16>,
}

impl Allowed {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else { bail!("`{text}` has no scheme") };
        if !matches!(scheme, "http" | "https") {
            bail!("the stand-in allows `http://` and `https://` only, not `{text}`");
        }
        let (below, host) = match rest.strip_prefix("*.") {
            Some(host) => (true, host),
            None => (false, rest),
        };
        if host.contains('*') {
            bail!("`{text}`: a wildcard stands for the first part only");
        }
        let url = Url::parse(&format!("{scheme}://{host}")).map_err(|error| format_err!("`{text}`: {error}"))?;
        let port = url.port_or_known_default();
        Ok(Allowed { scheme: scheme.to_owned(), below, host: url.host_str().unwrap_or_default().to_owned(), port })
    }

    pub(crate) fn allows(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let is_host = match self.below {
            false => host == self.host,
            true => host.strip_suffix(&self.host).is_some_and(|rest| rest.ends_with('.')),
        };
        is_host && url.scheme() == self.scheme && url.port_or_known_default() == self.port
    }
}
