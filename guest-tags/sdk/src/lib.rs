//! What a tag author writes against.
//!
//! A tag is a pure function from events and settings to HTTP requests:
//!
//! ```
//! # extern crate alloc;
//! use serde::Deserialize;
//! use tagyard_tag::{Event, Failure, Output, Request, Tag, to_json};
//!
//! pub struct Hello;
//!
//! #[derive(Deserialize)]
//! pub struct Settings {
//!     endpoint: String,
//! }
//!
//! impl Tag for Hello {
//!     type Settings = Settings;
//!
//!     fn handle(events: &[Event], settings: &Settings, out: &mut Output) -> Result<(), Failure> {
//!         for event in events {
//!             match event.name() {
//!                 Some(name) => out.send(Request::post(&settings.endpoint).json(&name)?.carrying(event)),
//!                 None => out.skip(event, "it has no name"),
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! tagyard_tag::export!(Hello);
//! # fn main() {}
//! ```
//!
//! Beside `Cargo.toml` stands `tag.toml`, the manifest, which [`export!`] embeds into the component.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

#[cfg(all(feature = "bare", target_arch = "wasm32"))]
mod bare;
mod event;
mod output;
mod time;
mod value;

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

pub use event::{Event, Kind};
pub use output::to_json;
pub use tag_wit::{Auth, Encoding, Failure, Header, Hmac, Level, LogLine, Method, Note, Output, Request, Sigv4};
pub use value::{Number, Object, Value};

/// What a tag implements.
pub trait Tag {
    /// The tag's settings, as `[settings]` in `tag.toml` describes them; the host has checked them against that schema.
    type Settings: for<'a> Deserialize<'a>;

    /// Adds to `out` the requests to send for `events`.
    ///
    /// # Errors
    /// A [`Failure`] fails the call for all the events. For one event alone, use [`Output::reject`].
    fn handle(events: &[Event<'_>], settings: &Self::Settings, out: &mut Output) -> Result<(), Failure>;
}

/// Runs a tag on JSON texts, as the host calls it. An event that is no event at all is rejected by itself.
///
/// # Errors
/// The tag's own failure, or settings that it does not understand.
pub fn run<T: Tag>(events: &[String], settings: &str) -> Result<Output, Failure> {
    let settings: T::Settings =
        serde_json::from_str(settings).map_err(|error| Failure::Settings(alloc::format!("{error}")))?;
    let mut out = Output::default();
    let mut parsed = Vec::with_capacity(events.len());
    for (index, text) in (0u32..).zip(events) {
        match Event::parse(index, text) {
            Ok(event) => parsed.push(event),
            Err(error) => out.rejected.push(Note { event: index, reason: not_an_event(&error) }),
        }
    }
    T::handle(&parsed, &settings, &mut out)?;
    leave((parsed, settings));
    Ok(out)
}

/// Ends the use of what a call took in. In an instance of one call, whose memory is never taken back, walking through it to drop
/// it would be work for nothing.
#[doc(hidden)]
pub fn leave<T>(value: T) {
    if cfg!(all(feature = "bare", target_arch = "wasm32")) {
        core::mem::forget(value);
    }
}

/// The parser's own message would quote the event's values.
fn not_an_event(error: &serde_json::Error) -> String {
    let what = if error.is_data() { "a field has another type than the spec gives it" } else { "it is not JSON" };
    alloc::format!("not an event: {what}, at column {}", error.column())
}

/// Exports a type that implements [`Tag`] as a component, with the manifest `tag.toml` embedded.
#[macro_export]
macro_rules! export {
    ($tag:ident) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            const TEXT: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tag.toml"));
            #[used]
            #[allow(unsafe_code)]
            #[unsafe(link_section = "tagyard:manifest")]
            static MANIFEST: [u8; TEXT.len()] = {
                let mut bytes = [0; TEXT.len()];
                let mut at = 0;
                while at < TEXT.len() {
                    bytes[at] = TEXT[at];
                    at += 1;
                }
                bytes
            };

            struct Exported;
            impl $crate::Guest for Exported {
                fn handle(
                    events: $crate::__Vec<$crate::__String>,
                    settings: $crate::__String,
                ) -> Result<$crate::Output, $crate::Failure> {
                    let result = $crate::run::<$tag>(&events, &settings);
                    $crate::leave((events, settings));
                    result
                }
            }
    $crate::__export_tag!(Exported with_types_in $crate::__bindings);
        };
    };
}

#[doc(hidden)]
pub use __bindings::exports::tagyard::tag::handler::Guest;
#[doc(hidden)]
pub use alloc::{string::String as __String, vec::Vec as __Vec};

use __bindings::tagyard::tag::types as tag_wit;

#[doc(hidden)]
#[allow(unsafe_code, clippy::all)]
pub mod __bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "tag",
        pub_export_macro: true,
        export_macro_name: "__export_tag",
    });
}
#[doc(hidden)]
pub use __bindings::__export_tag;
