//! Imports a function that no host has.

use serde::Deserialize;
use tagyard_tag::{Event, Failure, Output, Request, Tag};

mod bindings {
    wit_bindgen::generate!({
        inline: "package shop:stock@1.0.0; interface warehouse { count: func(item: string) -> u32; } world stock { import warehouse; }",
    });
}

struct UnknownImport;

#[derive(Deserialize)]
struct Settings {}

impl Tag for UnknownImport {
    type Settings = Settings;

    fn handle(events: &[Event<'_>], _: &Settings, out: &mut Output) -> Result<(), Failure> {
        let left = bindings::shop::stock::warehouse::count("shirt");
        for event in events {
            out.send(Request::post(format!("https://vendor.example/{left}")).carrying(event));
        }
        Ok(())
    }
}

tagyard_tag::export!(UnknownImport);
