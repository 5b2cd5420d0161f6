//! Whom the events of a request are about: what the pipeline finds out, with the links that are kept.

use axum::response::Response;
use http::HeaderValue;
use http::header::SET_COOKIE;
use tagyard_pipeline::event::Event;
use tagyard_pipeline::identity::Identity;
use tagyard_pipeline::identity::links::{Known, Link};
use tagyard_pipeline::request::Request;
use tagyard_pipeline::sources::Incoming;

use crate::identity::Links;

/// What is to be done once the events are durable.
#[derive(Debug, Default)]
pub(super) struct Identified {
    pub(super) links: Vec<Link>,
    pub(super) cookies: Vec<String>,
}

/// Puts into a request's events what is known of the visitor.
pub(super) async fn identify(
    identity: &Identity,
    links: Option<&Links>,
    request: &Incoming<'_>,
    kept: &[Request],
    events: &mut [Event],
) -> Identified {
    let mut visit = identity.visit(request);
    events.iter_mut().zip(kept).for_each(|(event, kept)| visit.identify(event, kept, rand::random));
    let known = match links {
        Some(links) => links.known(visit.questions(events)).await,
        None => Known::default(),
    };
    let links = visit.link(events, known);
    Identified { links, cookies: visit.set_cookies() }
}

pub(super) fn set_cookies(response: &mut Response, cookies: &[String]) {
    // Names and domain are the container's, checked; values are encoded.
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
