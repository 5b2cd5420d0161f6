//! What stands before the collectors of several containers: finds whose a request is, and waits for that container to be at work.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use jiff::Timestamp;
use tagyard_pipeline::addresses::{Addresses, Whose, unknown};
use tagyard_pipeline::cors;
use tagyard_pipeline::refused::Refused;
use tagyard_pipeline::sources::{Incoming, Parsed, Source};
use tower::{Layer, ServiceExt};

use super::member::{Common, Member, Unavailable};
use crate::collect::answer;
use crate::collect::{body, connection, keep_authority, probes};
use crate::labels::Labels;
use crate::limits::WAKE_AGAIN_AFTER;

/// The containers as requests find them; exchanged whole when a file of the folder changes.
#[derive(Default)]
pub(super) struct Table {
    pub(super) addresses: Addresses,
    /// By their places in `addresses`, with the origins that may send to each.
    pub(super) members: Vec<(Arc<Member>, Vec<String>)>,
    /// Whether some file's container is not known, so that a request that is nobody's may be its.
    pub(super) is_whole: bool,
    /// By which some container's proxies say whom they pass on.
    pub(super) proxy_headers: Vec<HeaderName>,
}

pub(super) struct Front {
    pub(super) table: ArcSwap<Table>,
    pub(super) common: Arc<Common>,
}

/// What a request comes to without a container.
enum Said {
    Refused(Refused),
    /// It carried nothing that would have to be kept.
    Answered(Parsed),
}

impl Front {
    pub(super) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/healthz", get(probes::health))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .fallback(route)
            .with_state(self)
    }
}

/// Whether events can be accepted: not where no container at work can write its journal any more. One among several has to see to
/// its own.
async fn ready(State(front): State<Arc<Front>>) -> Response {
    let mut working = 0;
    for (member, _) in &front.table.load_full().members {
        match member.can_write().await {
            Some(true) => return "ready\n".into_response(),
            Some(false) => working += 1,
            None => {}
        }
    }
    match working {
        0 => "ready\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "no journal can be written; the log says why\n").into_response(),
    }
}

async fn metrics(State(front): State<Arc<Front>>, request: Request) -> Response {
    let is_proxy_s = front.table.load().proxy_headers.iter().any(|name| request.headers().contains_key(name));
    probes::show_metrics(&front.common.base.metrics, &request, is_proxy_s)
}

async fn route(State(front): State<Arc<Front>>, request: Request) -> Response {
    let table = front.table.load_full();
    let (mut parts, body) = request.into_parts();
    keep_authority(&mut parts);
    if is_preflight(&parts) {
        return of_nobody(&table, parts, Said::Refused(Refused::new(StatusCode::NOT_FOUND, "unclaimed", ""))).await;
    }
    match find(&front, &table, &parts, body).await {
        Ok((container, body)) => {
            let (member, origins) = &table.members[container];
            pass_on(member, origins, Request::from_parts(parts, body)).await
        }
        Err(said) => {
            if let Said::Refused(refused) = &said {
                answer::count(refused, &Labels::default());
            }
            of_nobody(&table, parts, said).await
        }
    }
}

/// Whose a request is, and its body as it came. That is read here only where nothing before it says whose it is.
async fn find(front: &Front, table: &Table, parts: &Parts, body: Body) -> Result<(usize, Body), Said> {
    let incoming = |body| incoming(parts, body);
    let source: &dyn Source = match table.addresses.of_head(&incoming(&[])) {
        Whose::Container(container) => return Ok((container, body)),
        Whose::Unclaimed => return Err(lost(table, Refused::unclaimed(&parts.method, parts.uri.path()))),
        Whose::AskBody(source) => source,
    };
    // The collector takes a place of its own for what it does with it.
    let _place = front.common.base.places.try_acquire().map_err(|_| Said::Refused(Refused::overloaded()))?;
    let bytes = body::read(body).await.map_err(Said::Refused)?;
    if let Some(container) = table.addresses.of_body(source, &incoming(&bytes)) {
        return Ok((container, Body::from(bytes)));
    }
    match table.addresses.of_nobody(source, &incoming(&bytes)) {
        Ok(parsed) => Err(Said::Answered(parsed)),
        Err(refusal) if refusal.status == StatusCode::UNAUTHORIZED => {
            // Where there is a key at all, it is not this one container's, of which the refusal speaks.
            let refusal = if source.keys(&incoming(&bytes)).is_empty() { refusal } else { unknown() };
            Err(lost(table, refusal.into()))
        }
        Err(refusal) => Err(Said::Refused(refusal.into())),
    }
}

/// A request that may be for a container whose file has mistakes is not refused for good: SDKs do not send it again then.
fn lost(table: &Table, refused: Refused) -> Said {
    Said::Refused(if table.is_whole { refused } else { Refused::out_of_work(WAKE_AGAIN_AFTER) })
}

/// Has a container answer, which is put to work if it rests.
async fn pass_on(member: &Arc<Member>, origins: &[String], request: Request) -> Response {
    loop {
        if let Some(in_use) = member.enter() {
            let router = Router::clone(&in_use.routes.load());
            return router.oneshot(request).await.unwrap_or_else(|never| match never {});
        }
        if let Err(unavailable) = member.wake().await {
            let wait = match unavailable {
                Unavailable::Slow => Duration::from_secs(1),
                Unavailable::Failed(_) | Unavailable::Retired => WAKE_AGAIN_AFTER,
            };
            let refused = Refused::out_of_work(wait);
            answer::count(&refused, &Labels::of(&member.name));
            return with_cors(origins, request.into_parts().0, Said::Refused(refused)).await;
        }
    }
}

/// Says it to a page that may read it: one of the container's whose host name it is, or else of any.
async fn of_nobody(table: &Table, parts: Parts, said: Said) -> Response {
    let origins = table.origins(&parts.headers);
    with_cors(&origins, parts, said).await
}

async fn with_cors(origins: &[String], parts: Parts, said: Said) -> Response {
    let said = Arc::new(said);
    let answer = tower::service_fn(move |_: Request| {
        let said = said.clone();
        async move {
            Ok::<_, std::convert::Infallible>(match &*said {
                Said::Refused(refused) => answer::refusal(refused),
                Said::Answered(parsed) => answer::success(&parsed.answer, None),
            })
        }
    });
    let service = cors::layer(origins).layer(answer);
    service.oneshot(Request::from_parts(parts, Body::empty())).await.unwrap_or_else(|never| match never {})
}

impl Table {
    /// The origins that an answer is for. A preflight request tells nothing of the key: what it asks may be sent if any container
    /// takes events from there; whether the page may read the answer, the container whose event it is says.
    fn origins(&self, headers: &HeaderMap) -> Vec<String> {
        if let Some(container) = self.addresses.of_host(headers) {
            return self.members[container].1.clone();
        }
        let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
        let has = |wanted: &str| self.members.iter().any(|(_, origins)| origins.iter().any(|known| known == wanted));
        [origin, "*"].into_iter().find(|wanted| has(wanted)).map(str::to_owned).into_iter().collect()
    }
}

fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(ORIGIN)
        && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn incoming<'r>(parts: &'r Parts, body: &'r [u8]) -> Incoming<'r> {
    Incoming {
        method: &parts.method,
        path: parts.uri.path(),
        query: parts.uri.query(),
        headers: &parts.headers,
        body,
        peer: connection(parts),
        received_at: Timestamp::now(),
    }
}
