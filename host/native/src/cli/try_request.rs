//! The request that an event is tried with.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::Timestamp;
use tagyard_pipeline::enrich::Enrichment;
use tagyard_pipeline::event::Event;
use tagyard_pipeline::identity::Identity;
use tagyard_pipeline::request::Request;
use tagyard_pipeline::sources::Incoming;
use url::Url;

use super::try_identity::{self, Identified};

/// The request that is taken to have brought the events: what they do not say of the visitor is filled in from it, and conditions,
/// variables and consent ask about it.
#[derive(Debug, clap::Args)]
pub(super) struct RequestArgs {
    /// A header of the request that brought the events, such as `sec-gpc: 1` or `cookie: a=b`; may be given several times. One with
    /// `origin: https://shop.example` is a browser's.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The URL of that request, with its query.
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// The address that it came from: the visitor's, or a proxy's.
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// The source that took it, as `request.source` has it: `segment`, `ga4`, `snowplow` ...
    #[arg(long, value_name = "NAME", default_value = "segment")]
    pub(super) source: String,
}

impl RequestArgs {
    /// Enriches the events as it would if it had brought them, and puts in what is found out of their visitor. Returns what is kept of it
    /// beside each.
    ///
    /// # Errors
    /// When a header is none.
    pub(super) fn bring(
        &self,
        enrichment: &Enrichment,
        identity: Option<&Identity>,
        events: &mut [Event],
        received_at: Timestamp,
    ) -> Result<(Vec<Request>, Identified), String> {
        let mut headers = HeaderMap::new();
        if let Some(host) = self.url.as_ref().and_then(Url::host_str).and_then(|host| HeaderValue::from_str(host).ok())
        {
            headers.insert(header::HOST, host);
        }
        for text in &self.headers {
            let (name, value) =
                parse(text).ok_or_else(|| format!("`{text}` is no header: write it as `sec-gpc: 1`"))?;
            headers.append(name, value);
        }
        let origin = enrichment.proxies().origin(self.ip, &headers);
        let incoming = Incoming {
            method: &Method::POST,
            path: self.url.as_ref().map_or("/", Url::path),
            query: self.url.as_ref().and_then(Url::query),
            headers: &headers,
            body: b"",
            peer: origin.ip,
            received_at,
        };
        let facts = enrichment.of(&incoming, &origin);
        let kept: Vec<Request> = events.iter_mut().map(|event| enrichment.enrich(event, &facts)).collect();
        let identified = try_identity::identify(identity, &incoming, &kept, events);
        Ok((kept, identified))
    }
}

fn parse(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':')?;
    Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
}
