//! The container: one site's whole configuration.

pub mod edge;
mod journal;
pub mod model;
pub mod purpose;
mod transform;
pub mod variable;
mod webhook;
