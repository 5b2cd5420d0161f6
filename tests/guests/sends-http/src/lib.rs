//! Would send a request past the host, which is what `wasi:http` is there for.

use serde::Deserialize;
use tagyard_tag::{Event, Failure, Output, Tag};

mod bindings {
    // As much of wasi:http as it takes to import it.
    wit_bindgen::generate!({
        inline: "package wasi:http@0.3.0; interface client { send: func(url: string); } world sender { import client; }",
    });
}

struct SendsHttp;

#[derive(Deserialize)]
struct Settings {}

impl Tag for SendsHttp {
    type Settings = Settings;

    fn handle(_: &[Event<'_>], _: &Settings, _: &mut Output) -> Result<(), Failure> {
        bindings::wasi::http::client::send("https://elsewhere.example");
        Ok(())
    }
}

tagyard_tag::export!(SendsHttp);
