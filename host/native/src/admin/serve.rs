//! The admin socket's connections. Each ends when the host stops, whatever its client does: one that reads no further must not
//! keep the host from stopping.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Connections that are open at once; a person has a few terminals and a script or two.
const CONNECTIONS: usize = 64;

/// How long to wait when a connection cannot be accepted, which mostly means that file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn serve(
    listener: UnixListener,
    router: Router,
    asking: Arc<AtomicUsize>,
    mut stopping: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        asking.store(connections.len(), Ordering::Relaxed);
        let accepted = tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => accepted,
            Some(_) = connections.join_next() => continue,
            _ = &mut stopping => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let service = TowerToHyperService::new(router.clone());
                connections.spawn(async move {
                    // What goes wrong with one connection is its client's matter.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the admin socket was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.shutdown().await;
}
