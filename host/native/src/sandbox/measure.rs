//! Running a tag to find out what its calls take: in an engine that counts instructions, so that the same call takes the same again, on
//! any machine.

use tagyard_pipeline::container::model::Limits;
use tagyard_pipeline::output::Output;
use tagyard_pipeline::redact::Redacted;
use wasmtime::component::Component;

use super::call::{self, Bounds, CallError, Cost, Guest, TagPre};
use super::engine::{self, Ticking};
use super::{LoadError, link};

/// What a millisecond of a tag's deadline is in instructions. A machine does one to three million, so a tag that keeps to it keeps to
/// its deadline.
const INSTRUCTIONS_PER_MS: u64 = 1_000_000;

/// How many times its deadline a call may take by the clock: counting is slow, and so is a machine with other things to do. What takes
/// as long as this spends it in what is not counted.
const PATIENCE: u32 = 40;

/// An engine that counts.
pub struct Measure {
    engine: Ticking,
}

/// A tag whose calls are counted.
pub struct Measured {
    pre: TagPre<Guest>,
    bounds: Bounds,
    most: u64,
}

impl Measure {
    /// Starts the engine.
    ///
    /// # Errors
    /// When the address space for the guests cannot be reserved.
    pub fn start() -> Result<Self, LoadError> {
        Ok(Measure { engine: Ticking::start(&engine::counting()).map_err(LoadError::Engine)? })
    }

    /// Compiles a component and links it.
    ///
    /// # Errors
    /// When it does not compile, or asks for what the host does not have.
    pub fn load(&self, bytes: &[u8], limits: &Limits) -> Result<Measured, LoadError> {
        let component = Component::new(&self.engine.engine, bytes).map_err(LoadError::Compile)?;
        let patient = Limits { deadline_ms: limits.deadline_ms.saturating_mul(PATIENCE), ..limits.clone() };
        Ok(Measured {
            pre: link(&component).map_err(LoadError::Link)?,
            bounds: Bounds::new(&patient),
            most: u64::from(limits.deadline_ms) * INSTRUCTIONS_PER_MS,
        })
    }
}

impl Measured {
    /// Runs the tag on redacted events, in a fresh instance, on this thread. A call that has executed as many instructions as its
    /// deadline allows fails as one that has run into it.
    pub fn call(&self, events: Vec<Redacted>, settings: &String) -> (Result<Output, CallError>, Cost) {
        call::counted(&self.pre, &self.bounds, self.most, events, settings)
    }

    /// The most instructions of a call.
    pub fn most(&self) -> u64 {
        self.most
    }
}
