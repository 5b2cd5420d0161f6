#![cfg_attr(target_arch = "wasm32", no_std)]
extern crate alloc;
use alloc::string::String;
use serde::Deserialize;
use tagyard_tag::{Event, Failure, Output, Request, Tag};

pub struct Hello;

#[derive(Deserialize)]
pub struct Settings {
    endpoint: String,
}

impl Tag for Hello {
    type Settings = Settings;

    fn handle(events: &[Event], settings: &Settings, out: &mut Output) -> Result<(), Failure> {
        for event in events {
            match event.name() {
                Some(name) => out.send(Request::post(&settings.endpoint).json(&name)?.carrying(event)),
                None => out.skip(event, alloc::format!("it has no name {:?}", event.timestamp_micros())),
            }
        }
        Ok(())
    }
}

tagyard_tag::export!(Hello);
