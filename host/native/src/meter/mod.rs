//! Metering: a component rewritten so that each of its instances may execute so many instructions and no more, whoever runs it.
//!
//! The native host stops a guest that runs too long; Spin never does. A metered component stops itself, by a trap. No crate that is looked
//! after does this for today's modules (`wasm-instrument` reads them with `parity-wasm`, which knows no bulk memory), and
//! `wasm_encoder::reencode` makes it little work: everything but functions' bodies is copied as it is.

mod cost;
mod module;
#[cfg(test)]
mod tests;

use wasm_encoder::reencode::{self, Reencode, ReencodeComponent, component_utils};
use wasm_encoder::{Component, CustomSection, ModuleSection};
use wasmparser::Parser;

use module::Metered;

/// The custom section of a component that says that it is metered, and by how much.
pub(crate) const SECTION: &str = "tagyard:metered";

/// The bounds that a component is given. An instance lives for one call, so they are those of a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budget {
    /// The most instructions, as they are counted before they run: a loop's and a function's whole body, whichever way is taken
    /// through it.
    pub instructions: u64,
    /// The most memory that each of its modules may have, in MiB.
    pub memory_mib: u32,
}

/// Why a component cannot be metered.
#[derive(Debug, thiserror::Error)]
pub enum MeterError {
    #[error("it is no valid component: {0}")]
    Malformed(#[from] wasmparser::BinaryReaderError),
    #[error("it cannot be written anew: {0}")]
    Encode(String),
    #[error("it has {0}, which is not metered")]
    Unknown(&'static str),
    #[error("it begins with {0} MiB of memory, and may have {1}")]
    Memory(u64, u32),
}

impl Budget {
    /// What a section of this name holds.
    fn written(self) -> String {
        format!("instructions={} memory_mib={}", self.instructions, self.memory_mib)
    }

    /// Reads it back.
    pub(crate) fn read(section: &[u8]) -> Option<Self> {
        let (instructions, memory) = str::from_utf8(section).ok()?.split_once(' ')?;
        Some(Budget {
            instructions: instructions.strip_prefix("instructions=")?.parse().ok()?,
            memory_mib: memory.strip_prefix("memory_mib=")?.parse().ok()?,
        })
    }
}

/// Rewrites a component. What it does is the same, as long as it keeps to its budget.
///
/// # Errors
/// When it is no component, or has what cannot be counted.
pub fn meter(component: &[u8], budget: Budget) -> Result<Vec<u8>, MeterError> {
    let mut out = Component::new();
    let mut rewriting = Rewriting { budget };
    rewriting.parse_component(&mut out, Parser::new(0), component).map_err(error)?;
    out.section(&CustomSection { name: SECTION.into(), data: budget.written().as_bytes().into() });
    let out = out.finish();
    // What went wrong here would be found by Spin only once it is deployed.
    wasmparser::Validator::new().validate_all(&out)?;
    Ok(out)
}

/// Goes through a component, down to its modules.
struct Rewriting {
    budget: Budget,
}

impl Reencode for Rewriting {
    type Error = MeterError;
}

impl ReencodeComponent for Rewriting {
    fn parse_component_submodule(
        &mut self,
        component: &mut Component,
        parser: Parser,
        module: &[u8],
    ) -> Result<(), reencode::Error<MeterError>> {
        let mut metered = Metered::new(&parser, module, self.budget).map_err(reencode::Error::UserError)?;
        let mut out = wasm_encoder::Module::new();
        metered.parse_core_module(&mut out, parser, module)?;
        component.section(&ModuleSection(&out));
        Ok(())
    }

    fn parse_component_custom_section(
        &mut self,
        component: &mut Component,
        section: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error<MeterError>> {
        // One that was metered before is metered again, by this budget.
        if section.name() == SECTION {
            return Ok(());
        }
        component_utils::parse_component_custom_section(self, component, section)
    }
}

fn error(error: reencode::Error<MeterError>) -> MeterError {
    match error {
        reencode::Error::UserError(error) => error,
        reencode::Error::ParseError(error) => MeterError::Malformed(error),
        other => MeterError::Encode(other.to_string()),
    }
}
