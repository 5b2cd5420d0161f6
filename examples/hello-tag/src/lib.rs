//! Writes a line into a chat room for every event.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::format;
use alloc::string::String;

use serde::{Deserialize, Serialize};
use tagyard_tag::{Auth, Event, Failure, Output, Request, Tag};

pub struct Hello;

#[derive(Deserialize)]
pub struct Settings {
    room: String,
}

#[derive(Serialize)]
struct Message<'a> {
    room: &'a str,
    text: String,
}

impl Tag for Hello {
    type Settings = Settings;

    fn handle(events: &[Event], settings: &Settings, out: &mut Output) -> Result<(), Failure> {
        for event in events {
            let Some(name) = event.name() else {
                out.skip(event, "it has no name");
                continue;
            };
            let who = event.user_id.as_deref().unwrap_or("somebody");
            let message = Message { room: &settings.room, text: format!("{name}, by {who}") };
            let request = Request::post("https://chat.example/api/messages").json(&message)?;
            // The secret's name; the host puts in its value.
            out.send(request.auth(Auth::Bearer("token".into())).carrying(event));
        }
        Ok(())
    }
}

tagyard_tag::export!(Hello);
