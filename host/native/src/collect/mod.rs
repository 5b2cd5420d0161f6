//! The collector: HTTP in, an answer out once the events are on disk.
//!
//! A request passes, from the outside in: connection limit, header timeout, CORS, a place among those in work, the source,
//! the body's limit and timeout, parsing, the rate limit, enrichment, the journal.

mod answer;
mod body;
mod counted;
mod probes;
mod server;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota};
use http::HeaderValue;
use http::header::HOST;
use http::request::Parts;
use jiff::Timestamp;
use metrics_exporter_prometheus::PrometheusHandle;
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::container::model;
use tagyard_pipeline::cors;
use tagyard_pipeline::dead_letter::DeadLetter;
use tagyard_pipeline::enrich::{RequestFacts, enrich};
use tagyard_pipeline::event::Event;
use tagyard_pipeline::refused::Refused;
use tagyard_pipeline::request::{self, Asked};
use tagyard_pipeline::sources::{self, BadEvent, Head, Incoming, Rules, Source};
use tokio::sync::Semaphore;

use crate::dead_letters::DeadLetters;
use crate::decoded::Decoded;
use crate::journal::{EventJournal, Journal, Key, NewRecord};
use counted::Counted;

pub use server::{Routes, Server};

/// What a container makes of requests.
#[derive(Clone, Debug)]
pub struct Intake {
    /// How they become events.
    pub rules: Arc<Rules>,
    /// What is kept of each beside its events.
    pub asked: Asked,
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
    metrics: PrometheusHandle,
    counted: Counted,
}

impl Collector {
    /// `places` are the requests that may be in work, [`COLLECTING_REQUESTS`](crate::limits::COLLECTING_REQUESTS) over all containers.
    pub fn new(
        container: &model::Container,
        intake: Intake,
        journal: EventJournal,
        letters: DeadLetters,
        decoded: Arc<Decoded>,
        metrics: PrometheusHandle,
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
            metrics,
            counted: Counted::new(),
        }
    }

    /// The whole HTTP surface.
    pub fn router(self) -> Router {
        let cors = cors::layer(&self.intake.rules.options.origins);
        Router::new()
            .route("/healthz", get(probes::health))
            .route("/readyz", get(probes::ready))
            .route("/metrics", get(probes::metrics))
            .fallback(collect)
            .layer(cors)
            .with_state(Arc::new(self))
    }

    /// Makes events and bad events durable.
    async fn accept(
        &self,
        source: &dyn Source,
        events: Vec<Event>,
        bad: Vec<BadEvent>,
        request: &request::Request,
        at: Timestamp,
    ) -> Result<(), Refused> {
        let (accepted, dead) = (events.len() as u64, bad.len() as u64);
        // Bytes before the first wait: a parsed body takes many times its length, and so many requests may be waiting for the disk.
        let records: Vec<NewRecord> = events.into_iter().map(|event| self.record(source, request, event, at)).collect();
        let letters: Vec<DeadLetter> = bad.into_iter().map(|bad| DeadLetter::of_bad(bad, at)).collect();
        self.letters.append(&letters).await.map_err(answer::not_appended)?;
        if !records.is_empty() {
            let appended = self.journal.append(records).await.map_err(answer::not_appended)?;
            self.counted.duplicates.increment(appended.duplicates.into());
        }
        self.counted.accepted(source, accepted, dead);
        Ok(())
    }

    fn record(
        &self,
        source: &dyn Source,
        request: &request::Request,
        event: Event,
        received_at: Timestamp,
    ) -> NewRecord {
        let key = Key::of(&self.name, event.message_id());
        let accepted = Accepted::new(received_at, source.name(), request.clone(), event);
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
            metrics::counter!("tagyard_refused_requests_total", "code" => refused.code).increment(1);
            answer::refusal(&refused)
        }
    }
}

async fn try_collect(collector: &Collector, request: Request) -> Result<Response, Refused> {
    let _place = collector.places.try_acquire().map_err(|_| Refused::overloaded())?;
    let (mut parts, body) = request.into_parts();
    // Taken by reference into the static list: unclaimed requests are visible, never silently dropped.
    let path = collector.intake.rules.path(parts.uri.path());
    let head = Head { method: &parts.method, path, headers: &parts.headers };
    let source = sources::find(&head, &collector.intake.rules)
        .ok_or_else(|| Refused::unclaimed(&parts.method, parts.uri.path()))?;
    let body = body::read(body).await?;
    keep_authority(&mut parts);
    let received_at = Timestamp::now();
    let incoming = Incoming {
        method: &parts.method,
        path: collector.intake.rules.path(parts.uri.path()),
        query: parts.uri.query(),
        headers: &parts.headers,
        body: &body,
        peer: peer(&parts),
        received_at,
    };
    let mut parsed = source.parse(&incoming, &collector.intake.rules)?;
    collector.check_rate(parsed.events.len() + parsed.bad.len())?;
    let facts = RequestFacts::from(&incoming);
    parsed.events.iter_mut().for_each(|event| enrich(event, &facts));
    let kept = collector.intake.asked.keep(&incoming);
    collector.accept(source, parsed.events, parsed.bad, &kept, received_at).await?;
    Ok(answer::success(&parsed.answer))
}

/// The address that the connection came from.
fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<SocketAddr>().map(SocketAddr::ip)
}

/// HTTP/2 has the host in its own place; sources look for it where HTTP/1 has it.
fn keep_authority(parts: &mut Parts) {
    if parts.headers.contains_key(HOST) {
        return;
    }
    let authority = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(authority) = authority {
        parts.headers.insert(HOST, authority);
    }
}
