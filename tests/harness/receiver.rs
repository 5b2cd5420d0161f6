//! A vendor's stand-in: a real HTTP server on loopback that answers as it is told and remembers what it got.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub host: String,
    /// With the query.
    pub path: String,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON: {error}: {self:?}"))
    }
}

/// What to answer to a request; the number says how many came before it.
type Behaviour = dyn Fn(usize, &Received) -> Response + Send + Sync;

#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    /// Those that were answered with success, in that order.
    accepted: Arc<Mutex<Vec<Received>>>,
    behaviour: Arc<Behaviour>,
    /// How long it takes to answer.
    pause: Duration,
    /// How many of the first requests are never answered.
    hanging: usize,
}

impl Receiver {
    /// Accepts everything.
    pub async fn start() -> Self {
        Self::answering(|_, _| StatusCode::OK.into_response()).await
    }

    /// Accepts everything, each request after a while.
    pub async fn start_slow(pause: Duration) -> Self {
        Self::with(Arc::new(|_, _| StatusCode::OK.into_response()), pause).await
    }

    /// Answers as it is told, each request after a while.
    pub async fn answering_slowly(
        pause: Duration,
        behaviour: impl Fn(usize, &Received) -> Response + Send + Sync + 'static,
    ) -> Self {
        Self::with(Arc::new(behaviour), pause).await
    }

    /// Never answers the first `requests`, and accepts the others.
    pub async fn start_hanging(requests: usize) -> Self {
        Self::with_hanging(Arc::new(|_, _| StatusCode::OK.into_response()), Duration::ZERO, requests).await
    }

    pub async fn answering(behaviour: impl Fn(usize, &Received) -> Response + Send + Sync + 'static) -> Self {
        Self::with(Arc::new(behaviour), Duration::ZERO).await
    }

    async fn with(behaviour: Arc<Behaviour>, pause: Duration) -> Self {
        Self::with_hanging(behaviour, pause, 0).await
    }

    async fn with_hanging(behaviour: Arc<Behaviour>, pause: Duration, hanging: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let receiver =
            Receiver { address, received: Arc::default(), accepted: Arc::default(), behaviour, pause, hanging };
        let router = Router::new().fallback(receive).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was answered with success, in that order.
    pub fn accepted(&self) -> Vec<Received> {
        self.accepted.lock().unwrap().clone()
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until `count` requests have come, and returns them all.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        for _ in 0..1_500 {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{count} requests were expected, and {} came: {:#?}", self.received().len(), self.received());
    }
}

async fn receive(State(receiver): State<Receiver>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default().to_vec();
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let one = Received { method: parts.method.to_string(), host, path, headers: parts.headers, body };
    let before = {
        let mut received = receiver.received.lock().unwrap();
        received.push(one.clone());
        received.len() - 1
    };
    if before < receiver.hanging {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(receiver.pause).await;
    let answer = (receiver.behaviour)(before, &one);
    if answer.status().is_success() {
        receiver.accepted.lock().unwrap().push(one);
    }
    answer
}
