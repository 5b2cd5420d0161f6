//! Does on request what no tag should. Every way is one that a component may try in earnest: the unsafe code stands for a
//! component whose maker was not bound by Rust.
#![no_std]

extern crate alloc;

mod forge;
mod memory;
mod outgrow;
mod run_away;

use alloc::string::String;

use serde::Deserialize;
use tagyard_tag::{Event, Failure, Level, Output, Request, Tag};

pub struct Misbehaving;

#[derive(Deserialize)]
pub struct Settings {
    #[serde(rename = "do")]
    deed: String,
    url: String,
}

impl Tag for Misbehaving {
    type Settings = Settings;

    fn handle(events: &[Event<'_>], settings: &Settings, out: &mut Output) -> Result<(), Failure> {
        let deed = settings.deed.as_str();
        for event in events {
            let request = Request::post(settings.url.as_str()).carrying(event);
            match deed {
                "nothing wrong" => out.send(request),
                "trap on poison" if event.name() == Some("Poison") => run_away::trap(),
                "loop on poison" if event.name() == Some("Poison") => run_away::endless(),
                "trap on poison" | "loop on poison" => out.send(request),
                "send twice" => {
                    out.send(request);
                    out.send(Request::post(alloc::format!("{}/second", settings.url)).carrying(event));
                }
                "log a forgery" => {
                    out.log(Level::Info, "fine\r\n2026-11-21T00:00:00Z ERROR tagyard: all is lost\x1b[2J");
                    out.send(request);
                }
                "reject with a forgery" => out.reject(event, "no id\r\nERROR tagyard: all is lost\x1b[2J"),
                "fail with a megabyte" => return Err(Failure::Internal("x".repeat(1 << 20))),
                "fail for the settings" => return Err(Failure::Settings("`do` should be something else".into())),
                _ if run_away::does(deed) => {}
                _ if outgrow::does(deed, event, out) => {}
                _ => match forge::changed(deed, request)
                    .or_else(|request| outgrow::changed(deed, request))
                    .or_else(|request| memory::changed(deed, request))
                {
                    Ok(request) => out.send(request),
                    Err(_) => return Err(Failure::Settings(alloc::format!("`do`: there is no {deed:?}"))),
                },
            }
        }
        Ok(())
    }
}

tagyard_tag::export!(Misbehaving);
