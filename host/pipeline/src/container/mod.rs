//! The container: one site's whole configuration.

pub mod edge;
pub mod identity;
mod journal;
pub mod model;
pub mod purpose;
mod transform;
pub mod variable;
mod webhook;
