//! What the collector knows of a request and the event does not say: the visitor's address, browser and country.

mod geo;
mod hints;
mod hops;
mod proxies;

use std::cell::OnceCell;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, header};
use serde_json::Value;

use crate::container::model;
use crate::event::Event;
use crate::expression::network;
use crate::object::Object;
use crate::place::{self, Place};
use crate::request::{Asked, Request};
use crate::sources::Incoming;
use geo::Geo;

pub use geo::Locate;
pub use hints::ACCEPT_CH;
pub use proxies::{Origin, Proxies, ProxiesError};

/// The longest user agent that is kept. Real ones have under 300 bytes, and it goes into every event of a request.
const MAX_USER_AGENT_BYTES: usize = 1024;

/// Libraries that run in a backend: the request's address and user agent are the backend's, not the visitor's.
const BACKEND_LIBRARIES: [&str; 9] = [
    "@segment/analytics-node",
    "analytics-node",
    "analytics-python",
    "analytics-ruby",
    "analytics-php",
    "analytics-java",
    "analytics-go",
    "analytics-rust",
    "Analytics.NET",
];

/// How a container has its events enriched.
#[derive(Clone, Debug, Default)]
pub struct Enrichment {
    /// What is kept of each request beside its events.
    asked: Asked,
    proxies: Proxies,
    geo: Option<Geo>,
    asks_for_hints: bool,
}

/// Why a container's events cannot be enriched. A checked container has none of it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EnrichmentError {
    #[error(transparent)]
    Proxies(#[from] ProxiesError),
    #[error("`geo.edge`: `{0}` is no header's name")]
    Geo(String),
}

/// What a request tells of the one who sent it. The `Referer` is not among it: across origins browsers send no more of it
/// than the origin, which would pass for a page.
#[derive(Debug)]
pub struct RequestFacts<'r> {
    ip: Option<IpAddr>,
    user_agent: Option<String>,
    headers: &'r HeaderMap,
    /// As `context.userAgentData` has it; read for the first event that has none of its own.
    hints: OnceCell<Option<Object>>,
    place: Option<Place>,
    /// What is kept of it, and the same with its place, where places are kept.
    request: Request,
    placed: Request,
}

impl RequestFacts<'_> {
    /// What is kept of the request for events of its own visitor.
    pub fn kept(&self) -> &Request {
        &self.placed
    }
}

impl Enrichment {
    /// Compiles what a container says of it. `asked` is what its rules keep of requests, `database` the one that its `[geo]` names.
    ///
    /// # Errors
    /// When a network or a header is none.
    pub fn compile(
        container: &model::Container,
        asked: &Asked,
        database: Option<Arc<dyn Locate>>,
    ) -> Result<Self, EnrichmentError> {
        let geo = container.geo.as_ref().map(|spec| Geo::compile(spec, database)).transpose();
        Ok(Enrichment {
            asked: asked.clone(),
            proxies: Proxies::compile(container.collect.proxies.as_ref())?,
            geo: geo.map_err(EnrichmentError::Geo)?,
            asks_for_hints: container.collect.client_hints,
        })
    }

    /// The proxies that are trusted: by them [`Incoming::peer`] is found out.
    pub fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// What answers ask browsers for, as the value of `Accept-CH`.
    pub fn accept_ch(&self) -> Option<&'static str> {
        self.asks_for_hints.then_some(ACCEPT_CH)
    }

    /// What a request tells, once for all its events. Its `peer` is the origin's address.
    pub fn of<'r>(&self, request: &Incoming<'r>, origin: &Origin) -> RequestFacts<'r> {
        let user_agent = request.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let place = self.geo.as_ref().and_then(|geo| geo.of_request(origin, request.headers));
        let kept = self.asked.keep(request);
        RequestFacts {
            ip: request.peer,
            user_agent: user_agent
                .filter(|text| !text.is_empty())
                .map(|text| text.chars().take(MAX_USER_AGENT_BYTES).collect()),
            headers: request.headers,
            hints: OnceCell::new(),
            placed: self.with_place(&kept, place.as_ref()),
            request: kept,
            place,
        }
    }

    /// Fills in what the event's `context` does not have: `ip`, `userAgent`, `userAgentData`, and `location` of the country that is
    /// found. Returns what is kept of the request beside the event.
    ///
    /// Whatever the sender put there stays, be it null: a backend sends its visitor's own, and `0.0.0.0` is how Segment's SDKs
    /// ask for no address at all. What a backend's library sent without them gets none.
    pub fn enrich(&self, event: &mut Event, facts: &RequestFacts<'_>) -> Request {
        let mut context = event.context();
        let is_from_backend = is_from_backend(event, &context);
        let mut adds = !is_from_backend && fill(&mut context, facts);
        let mut kept = facts.request.clone();
        if let Some(geo) = &self.geo {
            match address(&context) {
                // Another one than who sent it: a backend tells whom the event is about.
                Some(ip) if Some(ip) != facts.ip => {
                    let place = geo.of_address(ip);
                    adds |= place.as_ref().is_some_and(|place| fill_place(&mut context, place));
                    kept = self.with_place(&facts.request, place.as_ref());
                }
                None if is_from_backend => {}
                _ => {
                    adds |= facts.place.as_ref().is_some_and(|place| fill_place(&mut context, place));
                    kept = facts.placed.clone();
                }
            }
        }
        if adds {
            event.set_context(&context);
        }
        kept
    }

    fn with_place(&self, request: &Request, place: Option<&Place>) -> Request {
        match place.filter(|_| self.asked.place()) {
            Some(place) => request.with_place(place),
            None => request.clone(),
        }
    }
}

/// Whether a text names a network, or one address.
pub fn is_network(text: &str) -> bool {
    network(text).is_some()
}

/// What the visitor's own request says, where the event does not; whether there is something.
fn fill(context: &mut Object, facts: &RequestFacts<'_>) -> bool {
    let mut adds = false;
    if let Some(ip) = facts.ip
        && !context.contains("ip")
    {
        context.set_string("ip", &ip.to_string());
        adds = true;
    }
    if let Some(user_agent) = &facts.user_agent
        && !context.contains("userAgent")
    {
        context.set_string("userAgent", user_agent);
        adds = true;
    }
    if !context.contains("userAgentData")
        && let Some(hints) = facts.hints.get_or_init(|| hints::read(facts.headers))
    {
        context.set_object("userAgentData", hints);
        adds = true;
    }
    adds
}

/// Where the visitor is, unless the event says something of it already: the two together might be nowhere.
fn fill_place(context: &mut Object, place: &Place) -> bool {
    let mut location = match context.value("location") {
        None => serde_json::Map::new(),
        Some(Value::Object(location)) if !place::MEMBERS.iter().any(|member| location.contains_key(*member)) => {
            location
        }
        Some(_) => return false,
    };
    location.extend(place.to_map());
    context.set("location", &Value::Object(location));
    true
}

/// The address that the event is told to come from, if it is one: `0.0.0.0` and `::` ask for none.
fn address(context: &Object) -> Option<IpAddr> {
    let ip: IpAddr = context.string("ip")?.parse().ok()?;
    Some(ip.to_canonical()).filter(|ip| !ip.is_unspecified())
}

pub(crate) fn is_from_backend(event: &Event, context: &Object) -> bool {
    let library = || context.object("library")?.string("name");
    event.object().string("channel").as_deref() == Some("server")
        || library().is_some_and(|name| BACKEND_LIBRARIES.contains(&name.as_str()))
}

#[cfg(test)]
mod tests;
