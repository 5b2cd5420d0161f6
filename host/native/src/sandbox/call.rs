//! One call: a fresh store, a fresh instance, the guest's function, and what it returned in the pipeline's words.

use std::time::Duration;

use tagyard_pipeline::container::model::Limits;
use tagyard_pipeline::output::{LOG_LINE_BYTES, LOG_LINES, Level, LogLine, Output, REASON_BYTES, shorten};
use tagyard_pipeline::ran::OutputError;
use tagyard_pipeline::redact::Redacted;
use wasmtime::{Store, Trap};

use super::limiter::Limiter;
use super::wasi::Stderr;
use crate::limits::{EPOCH_TICK, GUEST_HANDLES, GUEST_MEMORY_BYTES, LIFTED_BYTES};
use bindings::exports::tagyard::tag::handler::Failure;

pub(super) use bindings::TagPre;

#[allow(missing_docs, unreachable_pub)]
mod bindings {
    wasmtime::component::bindgen!({ path: "../../wit", world: "tag" });
}

/// What the host keeps beside one instance.
pub(super) struct Guest {
    limiter: Limiter,
    pub(super) stderr: Stderr,
}

/// A tag's limits, in the engine's units.
pub(super) struct Bounds {
    deadline: Duration,
    memory: usize,
}

/// Why a call failed. The texts are for the operator; what comes from the guest is cut short.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CallError {
    #[error("it did not end within {} ms; `limits.deadline_ms` sets the deadline", .0.as_millis())]
    Deadline(Duration),
    #[error("it asked for more memory than the {} MiB it may have; `limits.memory_mib` sets that", .0 >> 20)]
    Memory(usize),
    #[error("it called itself too deeply and ran out of stack")]
    Stack,
    #[error("it broke off: {0}")]
    Trap(String),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("it returned what cannot be read: {0}")]
    Unreadable(String),
    #[error("it does not accept its settings: {0}")]
    Settings(String),
    #[error("it failed: {0}")]
    Internal(String),
    #[error("the host is stopping")]
    Stopped,
}

impl CallError {
    /// Whether one event of the call may be to blame, rather than the tag as it is set up.
    pub fn may_be_of_one_event(&self) -> bool {
        !matches!(self, CallError::Settings(_) | CallError::Stopped)
    }
}

impl Bounds {
    pub(super) fn new(limits: &Limits) -> Self {
        let memory = (limits.memory_mib as usize) << 20;
        Bounds { deadline: Duration::from_millis(limits.deadline_ms.into()), memory: memory.min(GUEST_MEMORY_BYTES) }
    }

    fn ticks(&self) -> u64 {
        // One more, since the current tick has begun already.
        u64::try_from(self.deadline.as_nanos().div_ceil(EPOCH_TICK.as_nanos())).unwrap_or(u64::MAX - 1) + 1
    }
}

/// What a call took of what it may take.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Cost {
    pub instructions: u64,
    /// The most memory that it had, in bytes.
    pub memory: usize,
}

pub(super) fn call(
    pre: &TagPre<Guest>,
    bounds: &Bounds,
    events: Vec<Redacted>,
    // The bindings take no `&str` here.
    settings: &String,
) -> Result<Output, CallError> {
    let mut store = store(pre, bounds);
    let result = run(&mut store, pre, events, settings);
    concluded(result, &store.into_data(), bounds)
}

/// The same in an engine that counts instructions, of which the call may execute so many.
pub(super) fn counted(
    pre: &TagPre<Guest>,
    bounds: &Bounds,
    most: u64,
    events: Vec<Redacted>,
    settings: &String,
) -> (Result<Output, CallError>, Cost) {
    let mut store = store(pre, bounds);
    if let Err(error) = store.set_fuel(most) {
        return (Err(CallError::Trap(error.to_string())), Cost::default());
    }
    let result = run(&mut store, pre, events, settings);
    let instructions = most - store.get_fuel().unwrap_or_default().min(most);
    let guest = store.into_data();
    let cost = Cost { instructions, memory: guest.limiter.used() };
    (concluded(result, &guest, bounds), cost)
}

fn store(pre: &TagPre<Guest>, bounds: &Bounds) -> Store<Guest> {
    let guest = Guest { limiter: Limiter::new(bounds.memory), stderr: Stderr::default() };
    let mut store = Store::new(pre.engine(), guest);
    store.limiter(|guest| &mut guest.limiter);
    store.set_epoch_deadline(bounds.ticks());
    store.set_hostcall_fuel(LIFTED_BYTES);
    store.set_max_component_handles(GUEST_HANDLES);
    store
}

type Returned = Result<bindings::exports::tagyard::tag::handler::Output, Failure>;

fn run(
    store: &mut Store<Guest>,
    pre: &TagPre<Guest>,
    events: Vec<Redacted>,
    settings: &String,
) -> wasmtime::Result<Returned> {
    let events: Vec<String> = events.into_iter().map(Redacted::into_string).collect();
    pre.instantiate(&mut *store).and_then(|tag| tag.tagyard_tag_handler().call_handle(store, &events, settings))
}

fn concluded(result: wasmtime::Result<Returned>, guest: &Guest, bounds: &Bounds) -> Result<Output, CallError> {
    match result {
        Ok(Ok(output)) => Ok(translate(output, &guest.stderr)),
        Ok(Err(Failure::Settings(reason))) => Err(CallError::Settings(shorten(&reason, REASON_BYTES))),
        Ok(Err(Failure::Internal(reason))) => Err(CallError::Internal(shorten(&reason, REASON_BYTES))),
        Err(error) => Err(explain(&error, bounds, guest)),
    }
}

fn explain(error: &wasmtime::Error, bounds: &Bounds, guest: &Guest) -> CallError {
    let trap = error.downcast_ref::<Trap>();
    match trap {
        Some(Trap::Interrupt | Trap::OutOfFuel) => return CallError::Deadline(bounds.deadline),
        Some(Trap::StackOverflow) => return CallError::Stack,
        _ if guest.limiter.denied => return CallError::Memory(bounds.memory),
        _ => {}
    }
    let root = error.root_cause().to_string();
    if root.contains("fuel") {
        let size = format!("a result of more than {} MiB", LIFTED_BYTES >> 20);
        return CallError::Output(OutputError::TooMuch(size));
    }
    let backtrace = error.downcast_ref::<wasmtime::WasmBacktrace>();
    if trap.is_none() && backtrace.is_none_or(|backtrace| backtrace.frames().is_empty()) {
        // The guest had returned.
        return CallError::Unreadable(shorten(&root, REASON_BYTES));
    }
    let what = match trap {
        Some(Trap::UnreachableCodeReached) => "a panic, or WebAssembly's `unreachable`",
        Some(Trap::MemoryOutOfBounds) => {
            "it reached outside its memory, as it also does when it calls itself too deeply"
        }
        _ => &root,
    };
    let unknown = root.strip_prefix("unknown import: ").and_then(|root| root.strip_suffix(" has not been defined"));
    if let Some(import) = unknown {
        return CallError::Trap(shorten(
            &format!("it called {import}, which the host does not give to tags"),
            REASON_BYTES,
        ));
    }
    let place = backtrace.and_then(innermost).map(|function| format!(", in {function}")).unwrap_or_default();
    let text = match (guest.stderr.text().trim(), trap) {
        ("", _) => format!("{what}{place}"),
        // Rust's message of a panic, which says where it was.
        (said, Some(Trap::UnreachableCodeReached)) => said.to_owned(),
        (said, _) => format!("{what}{place}; it had written: {said}"),
    };
    CallError::Trap(shorten(&text, REASON_BYTES))
}

fn innermost(backtrace: &wasmtime::WasmBacktrace) -> Option<String> {
    let frame = backtrace.frames().first()?;
    let symbol = frame.symbols().first().and_then(|symbol| symbol.name().map(str::to_owned));
    symbol.or_else(|| frame.func_name().map(str::to_owned)).map(|name| wasmtime_demangled(&name))
}

fn wasmtime_demangled(name: &str) -> String {
    // Rust's names end in a hash that says nothing to a person.
    let name = rustc_demangle::demangle(name);
    format!("`{name:#}`")
}

fn translate(output: bindings::exports::tagyard::tag::handler::Output, stderr: &Stderr) -> Output {
    let mut output = contract::output(output);
    let room = LOG_LINES.saturating_sub(output.log.len());
    let said = stderr.text();
    let said = said.lines().take(room);
    output.log.extend(said.map(|line| LogLine { level: Level::Warn, message: shorten(line, LOG_LINE_BYTES) }));
    output
}

tagyard_pipeline::contract!(crate::sandbox::call::bindings::tagyard::tag::types);
