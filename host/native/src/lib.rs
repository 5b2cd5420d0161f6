//! The native Wasmtime host. The modules are the flow: an event is collected, journalled, dispatched to each tag, run in the
//! sandbox, permitted and delivered.

pub mod admin;
pub mod again;
mod base;
mod checkpoint;
pub mod cli;
pub mod collect;
pub mod container;
pub mod dead_letters;
pub mod decoded;
pub mod deliver;
pub mod dispatch;
pub mod dry_run;
pub mod explain;
pub mod folder;
mod gauges;
pub mod geo;
mod ground;
pub mod held;
pub mod history;
pub mod host;
pub mod identity;
pub mod journal;
pub mod labels;
pub mod limits;
pub mod live;
pub mod meter;
pub mod outcomes;
pub mod person;
pub mod registry;
pub mod reload;
pub mod retention;
mod running;
pub mod runtime;
pub mod sandbox;
pub mod secrets;
pub mod sent;
pub mod spin;
pub mod stopped;
pub mod tag;
pub mod tag_check;
pub mod text;
pub mod try_event;
pub mod watch;

/// Events are allocated on one thread and freed on another, in many small pieces; the system's allocator spends a third of the
/// collector's time on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
