//! The container: one site's whole configuration.

pub mod model;
pub mod purpose;
pub mod variable;
