//! The HTTP clients: kept connections, HTTP/2 where it is offered, TLS by rustls with Mozilla's roots.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderValue, USER_AGENT};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as PooledClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tagyard_pipeline::permit::AGENT;
use url::{Position, Url};

use super::Failure;
use super::resolve::Resolver;
use crate::limits::{CONNECT_TIMEOUT, IDLE_CONNECTIONS};

pub(super) type Client = PooledClient<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// How long an idle connection is kept; most servers close theirs after a minute or more.
const IDLE: Duration = Duration::from_secs(50);

/// One client for public addresses only, and one for tags that may reach private ones, so that no kept connection crosses.
pub(super) struct Clients {
    public: Client,
    any: Client,
}

impl Clients {
    pub(super) fn new() -> Self {
        Clients { public: client(Resolver::public_only()), any: client(Resolver::any()) }
    }

    pub(super) fn get(&self, private_network: bool) -> &Client {
        if private_network { &self.any } else { &self.public }
    }
}

/// Adds what every request has. The host is always the vendor's, also where the request is diverted.
pub(super) fn complete(headers: &mut HeaderMap, url: &Url) -> Result<(), Failure> {
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
    headers.insert(HOST, host.map_err(|_| Failure::finally("its host cannot stand in a header".to_owned()))?);
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
    Ok(())
}

fn client(resolver: Resolver) -> Client {
    let mut http = HttpConnector::new_with_resolver(resolver);
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let tls =
        HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_all_versions().wrap_connector(http);
    PooledClient::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .build(tls)
}
