//! A request's events: parsed, enriched, decided and written down before the answer; run after it.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::{Either, join_all, select};
use http::header::HOST;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use spin_sdk::http::Request;
use spin_sdk::key_value::Error;
use spin_sdk::time::sleep;
use tagyard_pipeline::accepted::Accepted;
use tagyard_pipeline::dead_letter::DeadLetter;
use tagyard_pipeline::event::Event;
use tagyard_pipeline::identity::links::Known;
use tagyard_pipeline::refused::Refused;
use tagyard_pipeline::request;
use tagyard_pipeline::sources::{self, Answer, BadEvent, Head, Incoming, MAX_BODY_BYTES};

use crate::answer::{self, Reply};
use crate::app::App;
use crate::decide::{Decided, decide};
use crate::letters::{self, Letter};
use crate::record::Waiting;
use crate::run::{Down, lease, run};
use crate::store::Store;
use crate::{room, said};

/// How long a client may take to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What Spin adds to a request begins so. No expression has to do with it.
const SPINS_HEADERS: &str = "spin-";

/// In which Spin says where a request came from.
const CLIENT_ADDRESS: &str = "spin-client-addr";

pub(crate) async fn answer(app: &Rc<App>, request: Request) -> Reply {
    match collect(app, request).await {
        Ok(collected) => answer::success(&collected.answer, app.enrichment.accept_ch(), &collected.cookies),
        Err(refused) => answer::refused(&refused),
    }
}

/// What a sender is answered.
struct Collected {
    answer: Answer,
    cookies: Vec<String>,
}

async fn collect(app: &Rc<App>, request: Request) -> Result<Collected, Refused> {
    let (mut parts, body) = request.into_parts();
    let path = app.rules.path(parts.uri.path());
    let head = Head { method: &parts.method, path, headers: &parts.headers };
    let source = sources::find(&head, &app.rules).ok_or_else(|| Refused::unclaimed(&parts.method, parts.uri.path()))?;
    let body = read(body).await?;
    let connection = connection(&parts.headers);
    make_plain(&mut parts);
    let received_at = Timestamp::now();
    let origin = app.enrichment.proxies().origin(connection, &parts.headers);
    let incoming = Incoming {
        method: &parts.method,
        path: app.rules.path(parts.uri.path()),
        query: parts.uri.query(),
        headers: &parts.headers,
        body: &body,
        peer: origin.ip,
        received_at,
    };
    let mut parsed = source.parse(&incoming, &app.rules)?;
    let kept: Vec<request::Request> = {
        let facts = app.enrichment.of(&incoming, &origin);
        parsed.events.iter_mut().map(|event| app.enrichment.enrich(event, &facts)).collect()
    };
    let cookies = identify(app, &incoming, &kept, &mut parsed.events);
    let now = SystemTime::now();
    let accepted = |(event, kept)| Accepted::new(received_at, source.name(), kept, event);
    let events = parsed.events.into_iter().zip(kept);
    let mut events: Vec<Waiting> = events.map(|event| Waiting::new(&app.name, accepted(event), now)).collect();
    drop_repeated(&mut events);
    accept(app, events, parsed.bad, now).await?;
    Ok(Collected { answer: parsed.answer, cookies })
}

/// Puts into a request's events what is known of the visitor; the cookies by which it is known again.
fn identify(app: &App, request: &Incoming<'_>, kept: &[request::Request], events: &mut [Event]) -> Vec<String> {
    let Some(identity) = &app.identity else { return Vec::new() };
    let mut visit = identity.visit(request);
    events.iter_mut().zip(kept).for_each(|(event, kept)| visit.identify(event, kept, rand::random));
    visit.link(events, Known::default());
    visit.set_cookies()
}

/// Makes events and bad events durable, and has the tags run after the answer.
async fn accept(app: &Rc<App>, events: Vec<Waiting>, bad: Vec<BadEvent>, now: SystemTime) -> Result<(), Refused> {
    if events.is_empty() && bad.is_empty() {
        return Ok(());
    }
    let store = Store::open().await.map_err(not_durable)?;
    let waits = join_all(events.iter().map(|event| store.has(event))).await;
    let waits = waits.into_iter().collect::<Result<Vec<_>, _>>().map_err(not_durable)?;
    let mut new: Vec<Waiting> =
        events.into_iter().zip(waits).filter(|(_, waits)| !waits).map(|(event, _)| event).collect();
    let mut decided = decide(app, &mut new, now);
    decided.leave_out_idle(&mut new);
    if !room::has_room(app, &store, new.len()).await.map_err(not_durable)? {
        said::problem("as many events wait as the store may hold: is `/tagyard/drain` being called?");
        return Err(Refused::full());
    }
    room::count(new.len());
    let letters = bad.into_iter().map(|bad| Letter::from(DeadLetter::of_bad(bad, Timestamp::now())));
    for put in join_all(letters.map(async |letter| letters::put(&store, &letter).await)).await {
        put.map_err(not_durable)?;
    }
    store.put_all(&new.iter().collect::<Vec<_>>(), now + lease(app)).await.map_err(not_durable)?;
    if !new.is_empty() {
        run_later(app.clone(), store, new, decided);
    }
    Ok(())
}

/// After the answer. What is not done when the instance is ended is in the store.
fn run_later(app: Rc<App>, store: Store, events: Vec<Waiting>, decided: Decided) {
    spin_sdk::wasip3::spawn(async move {
        run(&app, &store, events, decided, &Down::default()).await;
    });
}

/// An event that a request has twice is one.
fn drop_repeated(events: &mut Vec<Waiting>) {
    let mut seen = std::collections::HashSet::new();
    events.retain(|event| seen.insert(event.key.clone()));
}

async fn read(body: spin_sdk::wasip3::http_compat::IncomingRequestBody) -> Result<Bytes, Refused> {
    #[expect(clippy::disallowed_methods, reason = "`Limited`")]
    let read = Box::pin(Limited::new(body, MAX_BODY_BYTES).collect());
    match select(read, Box::pin(sleep(BODY_TIMEOUT))).await {
        Either::Left((Ok(body), _)) => Ok(body.to_bytes()),
        Either::Left((Err(error), _)) if error.is::<LengthLimitError>() => Err(Refused::too_long()),
        Either::Left((Err(_), _)) => Err(Refused::broken_body()),
        Either::Right(_) => {
            let message = format!("the body did not arrive within {} s", BODY_TIMEOUT.as_secs());
            Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "slow_body", message))
        }
    }
}

/// Where the connection came from, as Spin says it after whatever the client may have said.
fn connection(headers: &HeaderMap) -> Option<IpAddr> {
    let address = headers.get_all(CLIENT_ADDRESS).into_iter().next_back()?.to_str().ok()?;
    address.parse::<SocketAddr>().map(|address| address.ip()).or_else(|_| address.parse()).ok()
}

/// As the request was before Spin: without Spin's own headers, and with the host where sources look for it.
fn make_plain(parts: &mut Parts) {
    let spins: Vec<_> = parts.headers.keys().filter(|name| name.as_str().starts_with(SPINS_HEADERS)).cloned().collect();
    spins.iter().for_each(|name| drop(parts.headers.remove(name)));
    let authority = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(authority) = authority.filter(|_| !parts.headers.contains_key(HOST)) {
        parts.headers.insert(HOST, authority);
    }
}

fn not_durable(error: Error) -> Refused {
    said::problem(&format!("the store cannot be used: {error}"));
    Refused::not_durable()
}
