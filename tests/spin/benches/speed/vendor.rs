//! A vendor that answers at once and counts.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use tokio::net::TcpListener;

/// How long deliveries may stand still before the benchmark says that they hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Vendor {
    pub(crate) address: SocketAddr,
    had: Arc<AtomicU64>,
}

impl Vendor {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let had = Arc::new(AtomicU64::new(0));
        let count = had.clone();
        let router = Router::new().fallback(async move |_: Bytes| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Vendor { address, had }
    }

    pub(crate) fn had(&self) -> u64 {
        self.had.load(Ordering::Relaxed)
    }

    /// Waits until it has had so many requests. `stalled` is called now and then while none come.
    pub(crate) async fn wait_for(&self, count: u64, mut stalled: impl AsyncFnMut()) {
        let (mut had, mut since) = (self.had(), tokio::time::Instant::now());
        while had < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
            match self.had() {
                now if now > had => (had, since) = (now, tokio::time::Instant::now()),
                _ if since.elapsed() > PATIENCE => panic!("{had} of {count} requests came"),
                _ if since.elapsed() > Duration::from_secs(1) => stalled().await,
                _ => {}
            }
        }
    }
}
