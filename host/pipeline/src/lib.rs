//! What an event means, for every host alike: sources, consent, triggers, transformations, redaction, permits.
//!
//! This crate does no I/O, reads no clock and knows neither Wasmtime nor Spin. Whatever a host has to know of the outside
//! (the time, the peer's address, a secret's value) it passes in.
#![forbid(unsafe_code)]

pub mod accepted;
pub mod addresses;
pub mod consent;
pub mod container;
mod contract;
pub mod cors;
pub mod dead_letter;
pub mod enrich;
pub mod event;
pub mod expression;
mod free;
pub mod grants;
pub mod identity;
pub mod manifest;
pub mod object;
pub mod outcome;
pub mod outline;
pub mod output;
pub mod path;
pub mod permit;
pub mod place;
pub mod plan;
pub mod ran;
pub mod redact;
pub mod refused;
pub mod remote;
pub mod request;
pub mod retry;
pub mod rules;
pub mod secrets;
pub mod sources;
pub mod transform;
pub mod trigger;
pub mod variables;
mod visitor;
