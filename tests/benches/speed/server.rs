//! Servers to measure and to measure against, each on a runtime of its own: a host, a handler that does nothing, a vendor.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use tagyard::collect::Server;
use tagyard::container;
use tagyard::deliver::Divert;
use tagyard::host::{Host, Setup};
use tagyard_tests::host::{HEAD, secret};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// The four tags of the deliveries, all of which take the order.
pub(crate) const FOUR_TAGS: &str = r#"
[[tag]]
name = "ga4"
use = "ga4"
settings = { measurement_id = "G-ABC123" }
secrets = { api_secret = { env = "A" } }
[[tag]]
name = "mixpanel"
use = "mixpanel"
secrets = { project_token = { env = "B" } }
[[tag]]
name = "meta"
use = "meta-capi"
settings = { pixel_id = "1234567890" }
secrets = { access_token = { env = "C" } }
[[tag]]
name = "orders"
use = "webhook"
settings = { url = "https://orders.shop.example/hook" }
allow = { hosts = ["orders.shop.example"], fields = ["*"] }
"#;

/// The threads that the command has.
pub(crate) fn runtime() -> Runtime {
    tagyard::runtime::start().expect("a runtime")
}

/// A host with some tags, on a real disk.
pub(crate) struct Hosted {
    pub(crate) host: Host,
    _data: TempDir,
}

impl Hosted {
    /// All of whose deliveries go to `vendor`.
    pub(crate) async fn start(tags: &str, vendor: SocketAddr) -> Self {
        let divert = Divert::parse(&format!("http://{vendor}")).expect("a URL");
        Self::start_with(tags, Some(divert)).await
    }

    pub(crate) async fn start_with(tags: &str, divert: Option<Divert>) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let text = format!("{HEAD}{tags}");
        let loaded =
            container::parse("bench.toml", &text, Path::new(""), secret).unwrap_or_else(|report| panic!("{report}"));
        let setup = Setup {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data_dir: data.path().to_owned(),
            divert,
            env: secret,
        };
        let host = Host::start(&loaded, setup).await.unwrap_or_else(|error| panic!("{error}"));
        Hosted { host, _data: data }
    }
}

/// The collector's HTTP stack with a handler that does nothing.
pub(crate) async fn empty() -> Server {
    serve(Router::new().fallback(|| async {})).await
}

/// A vendor that answers at once, and the number of requests it has had.
pub(crate) async fn vendor() -> (Server, Arc<AtomicU64>) {
    let had = Arc::new(AtomicU64::new(0));
    let count = had.clone();
    let handler = move |_: bytes::Bytes| async move {
        count.fetch_add(1, Ordering::Relaxed);
    };
    (serve(Router::new().fallback(handler)).await, had)
}

/// A vendor that takes requests and never answers.
pub(crate) async fn silent() -> Server {
    serve(Router::new().fallback(std::future::pending::<()>)).await
}

async fn serve(router: Router) -> Server {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    Server::start(listener, router).expect("an address")
}
