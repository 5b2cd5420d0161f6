//! The request that an event is tried with.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use jiff::Timestamp;
use tagyard_pipeline::event::Event;
use tagyard_pipeline::request::Request;
use tagyard_pipeline::rules::Rules;
use tagyard_pipeline::sources::Incoming;
use url::Url;

use super::try_identity::{self, Identified};

/// The request that is taken to have brought the events, for identity, and for conditions, variables and consent that ask about it.
#[derive(Debug, clap::Args)]
pub(super) struct RequestArgs {
    /// A header of the request that brought the events, such as `sec-gpc: 1` or `cookie: a=b`; may be given several times. One with
    /// `origin: https://shop.example` is a browser's.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// The URL of that request, with its query.
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
    /// The address that it came from.
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
}

impl RequestArgs {
    /// Puts into the events what is found out from it of the visitor. Returns what a container keeps of it.
    ///
    /// # Errors
    /// When a header is none.
    pub(super) fn bring(
        &self,
        rules: &Rules,
        events: &mut [Event],
        received_at: Timestamp,
    ) -> Result<(Request, Identified), String> {
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
        let incoming = Incoming {
            method: &Method::POST,
            path: self.url.as_ref().map_or("/", Url::path),
            query: self.url.as_ref().and_then(Url::query),
            headers: &headers,
            body: b"",
            peer: self.ip,
            received_at,
        };
        let kept = rules.asked().keep(&incoming);
        let identified = try_identity::identify(rules.identity().map(|identity| &**identity), &incoming, &kept, events);
        Ok((kept, identified))
    }
}

fn parse(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':')?;
    Some((name.trim().parse().ok()?, value.trim().parse().ok()?))
}
