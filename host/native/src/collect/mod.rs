//! The collector: HTTP in, an answer out once the events are on disk.
//!
//! A request passes, from the outside in: connection limit, header timeout, CORS, a place among those in work, the source,
//! the body's limit and timeout, parsing, the rate limit, enrichment, the journal.

pub(crate) mod answer;
pub(crate) mod body;
mod counted;
mod identify;
pub(crate) mod probes;
mod server;
mod threads;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota};
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, HOST};
use http::request::Parts;
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::container::model;
use tagyard_pipeline::cors;
use tagyard_pipeline::dead_letter::DeadLetter;
use tagyard_pipeline::enrich::Enrichment;
use tagyard_pipeline::event::Event;
use tagyard_pipeline::identity::Identity;
use tagyard_pipeline::refused::Refused;
use tagyard_pipeline::request;
use tagyard_pipeline::sources::{self, BadEvent, Head, Incoming, Rules, Source};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tower::Layer;

use crate::dead_letters::DeadLetters;
use crate::decoded::Decoded;
use crate::identity::Links;
use crate::journal::{EventJournal, Journal, Key, NewRecord};
use crate::labels::Labels;
use crate::limits::COLLECTED_IN_PLACE_BYTES;
use counted::Counted;
use identify::Identified;

pub use server::{Routes, Server};

/// What a container makes of requests.
#[derive(Clone, Debug)]
pub struct Intake {
    /// How they become events.
    pub rules: Arc<Rules>,
    /// What is found out from them, and what is kept of each beside its events.
    pub enrichment: Arc<Enrichment>,
    /// By what its visitors are known again, if the container says anything of it.
    pub identity: Option<Arc<Identity>>,
}

/// Collects events for one container.
pub struct Collector {
    name: String,
    intake: Intake,
    journal: EventJournal,
    letters: DeadLetters,
    decoded: Arc<Decoded>,
    rate: Option<DefaultDirectRateLimiter>,
    places: Arc<Semaphore>,
    /// Where long requests are worked on: its threads take work off each other.
    shared: Handle,
    links: Option<Links>,
    metrics: PrometheusHandle,
    labels: Labels,
    counted: Counted,
}

impl Collector {
    /// To be made on the runtime that the tags' workers run on. `places` are the requests that may be in work,
    /// [`COLLECTING_REQUESTS`](crate::limits::COLLECTING_REQUESTS) over all containers.
    pub fn new(
        container: &model::Container,
        intake: Intake,
        journal: EventJournal,
        letters: DeadLetters,
        decoded: Arc<Decoded>,
        (metrics, labels): (PrometheusHandle, Labels),
        places: Arc<Semaphore>,
    ) -> Self {
        Collector {
            name: container.name.clone(),
            intake,
            journal,
            letters,
            decoded,
            rate: container
                .collect
                .events_per_second
                .map(|rate| DefaultDirectRateLimiter::direct(Quota::per_second(rate))),
            places,
            shared: Handle::current(),
            links: None,
            metrics,
            counted: Counted::new(&labels),
            labels,
        }
    }

    /// With links between ids kept there.
    pub fn linking(self, links: Links) -> Self {
        Collector { links: Some(links), ..self }
    }

    /// The whole HTTP surface.
    pub fn router(self) -> Router {
        let cors = cors::layer(&self.intake.rules.options.origins);
        let collector = Arc::new(self);
        Router::new()
            .route("/healthz", get(probes::health))
            .route("/readyz", get(probes::ready))
            .route("/metrics", get(probes::metrics))
            .layer(cors.clone())
            .with_state(collector.clone())
            // Behind the router's own layer: there each costs every request a few pieces of memory more.
            .fallback_service(cors.layer(collect.with_state(collector)))
    }

    /// Makes events and bad events durable.
    async fn accept(
        &self,
        source: &dyn Source,
        records: Vec<NewRecord>,
        bad: Vec<BadEvent>,
        at: Timestamp,
    ) -> Result<(), Refused> {
        let (accepted, dead) = (records.len() as u64, bad.len() as u64);
        let letters: Vec<DeadLetter> = bad.into_iter().map(|bad| DeadLetter::of_bad(bad, at)).collect();
        self.letters.append(&letters).await.map_err(answer::not_appended)?;
        if !records.is_empty() {
            let appended = self.journal.append(records).await.map_err(answer::not_appended)?;
            self.counted.duplicates(appended.duplicates.into());
        }
        self.counted.accepted(source, accepted, dead);
        Ok(())
    }

    fn record(
        &self,
        source: &dyn Source,
        request: request::Request,
        event: Event,
        received_at: Timestamp,
    ) -> NewRecord {
        let key = Key::of(&self.name, event.message_id());
        let accepted = Accepted::new(received_at, source.name(), request, event);
        let payload = Bytes::from(accepted.to_json());
        self.decoded.remember(&payload, Arc::new(accepted));
        NewRecord { received_at_ms: received_at.as_millisecond(), key, payload }
    }

    fn check_rate(&self, events: usize) -> Result<(), Refused> {
        let (Some(rate), Some(events)) = (&self.rate, u32::try_from(events).ok().and_then(std::num::NonZeroU32::new))
        else {
            return Ok(());
        };
        match rate.check_n(events) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => Err(Refused::rate(not_until.wait_time_from(DefaultClock::default().now()))),
            Err(most) => Err(Refused::never(most.0)),
        }
    }
}

async fn collect(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    match try_collect(&collector, request).await {
        Ok(response) => response,
        Err(refused) => {
            answer::count(&refused, &collector.labels);
            answer::refusal(&refused)
        }
    }
}

async fn try_collect(collector: &Arc<Collector>, request: Request) -> Result<Response, Refused> {
    let place = collector.places.try_acquire().map_err(|_| Refused::overloaded())?;
    let (mut parts, body) = request.into_parts();
    // Taken by reference into the static list: unclaimed requests are visible, never silently dropped.
    let path = collector.intake.rules.path(parts.uri.path());
    let head = Head { method: &parts.method, path, headers: &parts.headers };
    let source = sources::find(&head, &collector.intake.rules)
        .ok_or_else(|| Refused::unclaimed(&parts.method, parts.uri.path()))?;
    let body = body::read(body).await?;
    keep_authority(&mut parts);
    // A compressed one may be much longer than it looks.
    if body.len() <= COLLECTED_IN_PLACE_BYTES && !parts.headers.contains_key(CONTENT_ENCODING) {
        return keep(collector, source, parts, body).await;
    }
    // It goes on when its client is gone, so its place is its own.
    drop(place);
    let place = collector.places.clone().try_acquire_owned().map_err(|_| Refused::overloaded())?;
    let own = collector.clone();
    let work = collector.shared.spawn(async move {
        let _place = place;
        keep(&own, source, parts, body).await
    });
    match work.await {
        Ok(kept) => kept,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Refused::overloaded()),
    }
}

async fn keep(
    collector: &Collector,
    source: &'static dyn Source,
    parts: Parts,
    body: Bytes,
) -> Result<Response, Refused> {
    let received_at = Timestamp::now();
    let enrichment = &collector.intake.enrichment;
    let origin = enrichment.proxies().origin(connection(&parts), &parts.headers);
    let incoming = Incoming {
        method: &parts.method,
        path: collector.intake.rules.path(parts.uri.path()),
        query: parts.uri.query(),
        headers: &parts.headers,
        body: &body,
        peer: origin.ip,
        received_at,
    };
    let parsed = source.parse(&incoming, &collector.intake.rules)?;
    collector.check_rate(parsed.events.len() + parsed.bad.len())?;
    let mut events = parsed.events;
    let kept: Vec<request::Request> = {
        let facts = enrichment.of(&incoming, &origin);
        events.iter_mut().map(|event| enrichment.enrich(event, &facts)).collect()
    };
    let identified = match &collector.intake.identity {
        Some(identity) => identify::identify(identity, collector.links.as_ref(), &incoming, &kept, &mut events).await,
        None => Identified::default(),
    };
    // Bytes before the disk: a parsed body takes many times its length, and so many requests may be waiting for it.
    let record = |(event, request)| collector.record(source, request, event, received_at);
    let records = events.into_iter().zip(kept).map(record).collect();
    collector.accept(source, records, parsed.bad, received_at).await?;
    if let Some(links) = &collector.links {
        links.keep(identified.links, received_at);
    }
    let mut response = answer::success(&parsed.answer, enrichment.accept_ch());
    identify::set_cookies(&mut response, &identified.cookies);
    Ok(response)
}

/// The address that the connection came from, which may be a proxy's.
pub(crate) fn connection(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<SocketAddr>().map(SocketAddr::ip)
}

/// HTTP/2 has the host in its own place; sources look for it where HTTP/1 has it.
pub(crate) fn keep_authority(parts: &mut Parts) {
    if parts.headers.contains_key(HOST) {
        return;
    }
    let authority = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(authority) = authority {
        parts.headers.insert(HOST, authority);
    }
}
