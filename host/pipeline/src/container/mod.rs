//! The container: one site's whole configuration.

mod journal;
pub mod model;
pub mod purpose;
pub mod variable;
mod webhook;
