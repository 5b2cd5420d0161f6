//! What an event means, for every host alike: sources, consent, triggers, transformations, redaction, permits.
//!
//! This crate does no I/O, reads no clock and knows neither Wasmtime nor Spin. Whatever a host has to know of the outside
//! (the time, the peer's address, a secret's value) it passes in.
#![forbid(unsafe_code)]

pub mod container;
pub mod event;
pub mod manifest;
pub mod path;
pub mod sources;
