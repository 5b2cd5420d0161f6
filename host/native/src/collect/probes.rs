//! What a load balancer and a metrics scraper ask.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use metrics_exporter_prometheus::PrometheusHandle;
use tagyard_pipeline::grants::is_private;

use super::Collector;

/// The process answers.
pub(crate) async fn health() -> &'static str {
    "ok\n"
}

/// Whether events can be accepted: the last append to the journal succeeded, and it is not at its limit.
pub(super) async fn ready(State(collector): State<Arc<Collector>>) -> Response {
    let stats = collector.journal.log().stats();
    match stats.fault {
        None if stats.is_full() => (StatusCode::SERVICE_UNAVAILABLE, "the journal is at its limit\n").into_response(),
        None => "ready\n".into_response(),
        Some(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the journal cannot be written; the log says why\n").into_response()
        }
    }
}

/// The metrics in Prometheus' text format. For machines of one's own network only: they tell of every tag and its traffic.
/// What a proxy passed on came from elsewhere.
pub(super) async fn metrics(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let is_proxy_s = collector.intake.enrichment.proxies().is_named_in(request.headers());
    show_metrics(&collector.metrics, &request, is_proxy_s)
}

/// `is_proxy_s`: whether it has a header by which a container's own proxies speak.
pub(crate) fn show_metrics(metrics: &PrometheusHandle, request: &Request, is_proxy_s: bool) -> Response {
    let peer = request.extensions().get::<SocketAddr>();
    let headers = request.headers();
    let is_forwarded =
        is_proxy_s || ["x-forwarded-for", "forwarded", "via"].iter().any(|name| headers.contains_key(*name));
    if is_forwarded || !peer.is_some_and(|peer| is_private(peer.ip())) {
        return StatusCode::NOT_FOUND.into_response();
    }
    metrics.render().into_response()
}
