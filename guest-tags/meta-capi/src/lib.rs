//! Sends events to Meta (Facebook, Instagram) by the Conversions API, `POST /{pixel}/events` of the Graph API.
//!
//! Track events of the e-commerce spec become Meta's standard events, others keep their names, and page events become
//! `PageView`. What identifies a person is normalised and hashed here. The facts are those of Meta's developer documentation
//! "Conversions API": "Using the API", "Server Event Parameters", "Customer Information Parameters", "Custom Data
//! Parameters", "ClickID and the fbp and fbc Parameters" and "Best Practices".
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod click_id;
mod contents;
mod custom_data;
mod hash;
mod money;
mod names;
mod normalise;
mod numbers;
mod server_event;
mod settings;
mod states;
mod user_data;

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use serde::Serialize;
use tagyard_tag::{Auth, Event, Failure, Output, Request, Tag};

use server_event::{ServerEvent, Unsent};
pub use settings::{ActionSource, Settings};

pub struct MetaCapi;

/// The name of the secret in `tag.toml`.
const ACCESS_TOKEN: &str = "access_token";

/// How far apart in time the events of one request may be, in seconds. Meta refuses all the events of a request if one of them
/// is older than seven days ("Server Event Parameters", `event_time`), and a tag has no clock to find it by. So a late event
/// travels only with others as late, and takes no fresh one along.
const SPAN: u64 = 60 * 60;

impl Tag for MetaCapi {
    type Settings = Settings;

    fn handle(events: &[Event<'_>], settings: &Settings, out: &mut Output) -> Result<(), Failure> {
        let mut batches: Vec<Batch<'_>> = Vec::new();
        for event in events {
            match ServerEvent::of(event, settings) {
                Ok(ready) => match batches.iter_mut().find(|batch| batch.takes(&ready)) {
                    Some(batch) => {
                        batch.data.push(ready);
                        batch.events.push(event.index);
                    }
                    None => {
                        batches.push(Batch { time: ready.event_time, data: vec![ready], events: vec![event.index] })
                    }
                },
                Err(Unsent::Skipped(reason)) => out.skip(event, reason),
                Err(Unsent::Rejected(reason)) => out.reject(event, reason),
            }
        }
        for batch in batches {
            out.send(batch.request(settings)?);
        }
        Ok(())
    }
}

/// Events that go together.
struct Batch<'a> {
    /// That of its first event.
    time: i64,
    data: Vec<ServerEvent<'a>>,
    events: Vec<u32>,
}

#[derive(Serialize)]
struct Body<'a> {
    data: &'a [ServerEvent<'a>],
    #[serde(skip_serializing_if = "Option::is_none")]
    test_event_code: Option<&'a str>,
}

impl<'a> Batch<'a> {
    fn takes(&self, event: &ServerEvent<'_>) -> bool {
        self.time.abs_diff(event.event_time) <= SPAN / 2
    }

    fn request(self, settings: &'a Settings) -> Result<Request, Failure> {
        let url = format!("https://graph.facebook.com/{}/{}/events", settings.api_version, settings.pixel_id);
        let body = Body { data: &self.data, test_event_code: settings.test_event_code.as_deref() };
        let mut request = Request::post(url).json(&body)?.auth(Auth::Bearer(ACCESS_TOKEN.into()));
        request.events = self.events;
        Ok(request)
    }
}

tagyard_tag::export!(MetaCapi);
