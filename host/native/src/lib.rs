//! The native Wasmtime host. The modules are the flow: an event is collected, journalled, dispatched to each tag, run in the
//! sandbox, permitted and delivered.

pub mod admin;
pub mod cli;
pub mod collect;
pub mod container;
pub mod dead_letters;
pub mod deliver;
pub mod dispatch;
pub mod held;
pub mod host;
pub mod journal;
pub mod limits;
pub mod outcomes;
pub mod registry;
pub mod retention;
pub mod sandbox;
pub mod secrets;
pub mod tag;
pub mod text;
pub mod try_event;
