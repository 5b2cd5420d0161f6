//! Sends events to any URL: each as the JSON that this tag was given, or several in a list, signed if the operator wishes.
//!
//! The text of an event is forwarded as it is, with the fields that the SDK's typed view does not know. The signature is the
//! HMAC-SHA256 of the body that many webhooks carry; by default it is written as GitHub's documentation "Validating webhook
//! deliveries" describes it, in a header of another name.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod body;
mod settings;

use tagyard_tag::{Event, Failure, Output, Request, Tag};

pub use settings::{Body, Settings};

pub struct Webhook;

impl Tag for Webhook {
    type Settings = Settings;

    fn handle(events: &[Event<'_>], settings: &Settings, out: &mut Output) -> Result<(), Failure> {
        settings.check()?;
        let together = match settings.body {
            Body::Event => 1,
            Body::Batch => events.len().max(1),
        };
        for events in events.chunks(together) {
            out.send(request(events, settings)?);
        }
        Ok(())
    }
}

fn request(events: &[Event<'_>], settings: &Settings) -> Result<Request, Failure> {
    let mut request = Request::new(settings.method(), settings.url.as_str());
    for (name, value) in settings.headers() {
        request = request.header(name, value);
    }
    if settings.has_body() {
        request.body = body::body(events, settings)?;
    }
    request.auth = settings.auth();
    request.events = events.iter().map(|event| event.index).collect();
    Ok(request)
}

tagyard_tag::export!(Webhook);
