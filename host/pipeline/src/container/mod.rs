//! The container: one site's whole configuration.

mod journal;
pub mod model;
mod transform;
mod webhook;
