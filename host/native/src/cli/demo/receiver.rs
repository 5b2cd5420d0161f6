//! The receiver that stands in for the vendors: it takes every request and remembers it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use http::header::HOST;
use tokio::net::TcpListener;

use crate::collect::Server;

/// The requests that are remembered; the first ones are those of the sample session.
const REMEMBERED: usize = 256;

/// The most of a body that is read.
const MAX_BODY_BYTES: usize = 1024 * 1024;

pub(super) struct Receiver {
    server: Server,
    received: Arc<Mutex<Vec<Received>>>,
}

/// One request that a vendor would have received.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) host: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: String,
}

impl Receiver {
    pub(super) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().fallback(receive).with_state(received.clone());
        Ok(Receiver { server: Server::start(listener, router)?, received })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn receive(State(received): State<Arc<Mutex<Vec<Received>>>>, request: Request) -> &'static str {
    let (parts, body) = request.into_parts();
    #[expect(clippy::disallowed_methods, reason = "a limit is given")]
    let body = axum::body::to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let one = Received {
        host,
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    if received.len() < REMEMBERED {
        received.push(one);
    }
    // What Mixpanel and Meta answer has a body; nobody reads it here.
    "{}"
}
