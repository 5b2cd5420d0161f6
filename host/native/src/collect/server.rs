//! The listening socket and its connections.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tower::ServiceExt;

use super::threads::Threads;
use crate::limits::{CONNECTIONS, IDLE_TIMEOUT, REQUEST_TIMEOUT, STOP_TIMEOUT};
use crate::runtime;

/// How long to wait when a connection cannot be accepted, which mostly means that file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Streams of one HTTP/2 connection that are open at once.
const STREAMS: u32 = 128;

/// How often an HTTP/2 connection is asked whether its client is still there.
const PING_EVERY: Duration = Duration::from_secs(30);

/// Who answers: looked up for each request, so that a reload changes it at one moment for all connections.
pub type Routes = Arc<ArcSwap<Router>>;

/// A server that accepts connections until it is stopped.
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts serving on a bound socket.
    ///
    /// # Errors
    /// When the socket has no address, or there are no threads to be had.
    pub fn start(listener: TcpListener, router: Router) -> std::io::Result<Self> {
        Self::start_with(listener, Arc::new(ArcSwap::from_pointee(router)))
    }

    /// The same, with a router that may be exchanged.
    ///
    /// # Errors
    /// When the socket has no address, or there are no threads to be had.
    pub fn start_with(listener: TcpListener, routes: Routes) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let threads = Threads::start(runtime::threads()?)?;
        let (stop, stopping) = oneshot::channel();
        Ok(Server { address, stop, task: tokio::spawn(serve(listener, threads, routes, stopping)) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more, and waits until the requests in work are answered.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

async fn serve(listener: TcpListener, threads: Threads, routes: Routes, mut stopping: oneshot::Receiver<()>) {
    let mut builder = Builder::new(TokioExecutor::new());
    // Hyper counts the rest before a request as part of its head.
    // A client that says that it sends no more still gets its answer. It also spares each request that waits for the disk the
    // look whether its client is still there, for which hyper keeps another buffer of 8 KiB.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_TIMEOUT).half_close(true);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS).keep_alive_interval(PING_EVERY);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place,
            _ = &mut stopping => break,
        };
        let Ok(place) = place else { break };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            _ = &mut stopping => break,
        };
        // A small answer must not wait for the next one.
        let _ = stream.set_nodelay(true);
        let routes = routes.clone();
        let has_asked = Arc::new(AtomicBool::new(false));
        let asked = has_asked.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            asked.store(true, Ordering::Relaxed);
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            Router::clone(&routes.load()).oneshot(request)
        });
        // A stream belongs to the thread that waits for it.
        let Some((place_on, stream)) = threads.place().zip(stream.into_std().ok()) else { continue };
        let (builder, watcher) = (builder.clone(), graceful.watcher());
        place_on.runtime.clone().spawn(async move {
            let Ok(stream) = TcpStream::from_std(stream) else { return };
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            let mut connection = pin!(watcher.watch(connection));
            // A client that has not asked for anything by then is dropped, whether it trickles or is silent.
            let ended = match tokio::time::timeout(REQUEST_TIMEOUT, &mut connection).await {
                Err(_) if has_asked.load(Ordering::Relaxed) => connection.await,
                Err(_) => Ok(()),
                Ok(ended) => ended,
            };
            // What goes wrong with one connection is its client's matter.
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended");
            }
            drop((place, place_on));
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(STOP_TIMEOUT, graceful.shutdown()).await;
    threads.stop().await;
}
