//! Sends events to Google Analytics 4 by its Measurement Protocol, `POST /mp/collect`, for a web data stream.
//!
//! Track, page and screen events, and group calls as `join_group`, become GA4 events; the e-commerce events of the Segment
//! spec become GA4's recommended ones. Events of one person travel together. Google moves an event that is older than 72
//! hours to 72 hours ago, so a late event is sent with its own time and that decision is left to Google.
//!
//! Vendor documentation: Measurement Protocol reference, Send Measurement Protocol events to Google Analytics, and
//! Recommended events, all in the Google Analytics developer documentation.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod items;
mod names;
mod params;
mod person;
mod settings;
#[cfg(test)]
mod tests;
mod text;

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;
use tagyard_tag::{Event, Failure, Kind, Level, Output, Request, Tag};

use params::Params;
use person::{Consent, Person, UserProperties};
pub use settings::{Debug, Region, Settings};

/// Most events in one request. Source: Send Measurement Protocol events, Limitations.
const MAX_EVENTS: usize = 25;

/// Most bytes in one request's body, "smaller than 130 kB". Source: Send Measurement Protocol events, Limitations.
const MAX_BODY: usize = 130_000;

pub struct Ga4;

/// One GA4 event.
#[derive(Serialize)]
struct Hit<'e> {
    #[serde(skip)]
    event: &'e Event<'e>,
    name: Cow<'e, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_micros: Option<i64>,
    params: Params<'e>,
}

#[derive(Serialize)]
struct Body<'b, 'e> {
    client_id: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_override: Option<&'e str>,
    #[serde(skip_serializing_if = "UserProperties::is_empty")]
    user_properties: &'b UserProperties<'e>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<Consent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_behavior: Option<&'static str>,
    events: &'b [Hit<'e>],
}

impl Tag for Ga4 {
    type Settings = Settings;

    fn handle(events: &[Event<'_>], settings: &Settings, out: &mut Output) -> Result<(), Failure> {
        let url = settings.url();
        let mut groups: Vec<(Person<'_>, Vec<Hit<'_>>)> = Vec::with_capacity(1);
        for event in events {
            let Some(name) = name(event, settings, out) else { continue };
            let Some(person) = Person::of(event, settings) else {
                out.reject(event, "GA4 needs a client: send or grant `anonymousId`, `userId` or `context.ga.clientId`");
                continue;
            };
            if person.user_id_too_long {
                out.log(Level::Warn, "a `userId` of more than 256 characters was left out: GA4 does not take it");
            }
            let params = Params::of(event, &name, settings);
            let hit = Hit { event, name, timestamp_micros: event.timestamp_micros(), params };
            match groups.iter_mut().find(|(other, hits)| *other == person && hits.len() < MAX_EVENTS) {
                Some((_, hits)) => hits.push(hit),
                None => groups.push((person, Vec::from([hit]))),
            }
        }
        for (person, hits) in &groups {
            send(&url, person, hits, settings, out)?;
        }
        Ok(())
    }
}

/// The GA4 name of an event, or `None` with a note in `out`.
fn name<'e>(event: &'e Event<'e>, settings: &'e Settings, out: &mut Output) -> Option<Cow<'e, str>> {
    let name = match event.kind {
        Kind::Page => return Some(Cow::Borrowed("page_view")),
        Kind::Screen => return Some(Cow::Borrowed("screen_view")),
        Kind::Group => return Some(Cow::Borrowed("join_group")),
        Kind::Alias => {
            out.skip(event, "GA4 has no alias call");
            return None;
        }
        Kind::Identify => match &settings.identify_as {
            Some(name) => Cow::Borrowed(name.as_str()),
            None => {
                out.skip(event, "GA4 has no identify call: the setting `identify_as` names an event to send for it");
                return None;
            }
        },
        Kind::Track => match event.name() {
            Some(name) => match settings.event_names.get(name) {
                Some(own) => Cow::Borrowed(own.as_str()),
                None => names::event_name(name, &event.properties),
            },
            None => {
                out.reject(event, "a track event needs a name in `event`");
                return None;
            }
        },
    };
    if name.is_empty() {
        out.reject(event, "its name has no letter to begin with: give it a GA4 name in the setting `event_names`");
        return None;
    }
    if names::is_of_visits(&name) {
        out.skip(event, "GA4 makes this event itself, and takes it from no server");
        return None;
    }
    if names::is_reserved_event(&name) {
        out.reject(event, "its name is reserved by GA4: give it another in the setting `event_names`");
        return None;
    }
    Some(name)
}

/// One request, or several where one would be larger than Google takes.
fn send(
    url: &str,
    person: &Person<'_>,
    hits: &[Hit<'_>],
    settings: &Settings,
    out: &mut Output,
) -> Result<(), Failure> {
    let body = Body {
        client_id: person.client_id,
        user_id: person.user_id,
        user_agent: person.user_agent,
        ip_override: person.ip,
        user_properties: &person.properties,
        consent: person.consent,
        validation_behavior: (settings.debug == Debug::Validate).then_some("ENFORCE_RECOMMENDATIONS"),
        events: hits,
    };
    let mut request = Request::post(url).json(&body)?;
    if request.body.len() >= MAX_BODY {
        let (first, second) = hits.split_at(hits.len() / 2);
        if first.is_empty() {
            for hit in second {
                out.reject(hit.event, "it is larger than the 130 kB that GA4 takes: send fewer or shorter properties");
            }
            return Ok(());
        }
        send(url, person, first, settings, out)?;
        return send(url, person, second, settings, out);
    }
    request.events.extend(hits.iter().map(|hit| hit.event.index));
    out.send(request);
    Ok(())
}

impl Settings {
    fn url(&self) -> String {
        let host = match self.region {
            Region::Global => "www",
            Region::Eu => "region1",
        };
        let path = match self.debug {
            Debug::Validate => "debug/mp/collect",
            Debug::Off | Debug::View => "mp/collect",
        };
        let stream = &self.measurement_id;
        format!(
            "https://{host}.google-analytics.com/{path}?measurement_id={stream}&api_secret={{{{secret:api_secret}}}}"
        )
    }
}

tagyard_tag::export!(Ga4);
