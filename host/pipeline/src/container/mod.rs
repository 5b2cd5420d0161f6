//! The container: one site's whole configuration.

pub mod model;
mod transform;
