//! What a component says of itself, read from its bytes alone.

use std::borrow::Cow;

use sha2::{Digest, Sha256};
use tagyard_pipeline::manifest::Manifest;
use wasmparser::{Encoding, Parser, Payload};

use super::manifest::{self, ManifestError};
use crate::meter::{self, Budget};

/// The custom section that holds the manifest. It lies in the core module of a component that Rust made, and in the component
/// itself where a tool added it.
const MANIFEST_SECTION: &str = "tagyard:manifest";

/// How deep components and modules may be nested. Tools make three levels (a component, a shim component, a module).
const MAX_NESTING: usize = 16;

/// The most imports and exports that are read of one component. Rust's std imports some twenty, the world has one.
const MAX_NAMES: usize = 256;

/// The interface that makes a component a tag, in any compatible version.
const HANDLER: &str = "tagyard:tag/handler@0.1.";

/// Types only: what [`HANDLER`] is written in.
const TYPES: &str = "tagyard:tag/types@0.1.";

/// What Rust's std and the runtimes of other languages import to start. The host answers clocks, random and standard error, and
/// traps on everything else; no file system is behind `wasi:filesystem`.
const RUNTIME: [&str; 5] = ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/"];

/// A tag's component, and what it says of itself.
#[derive(Debug)]
pub struct TagComponent {
    pub bytes: Cow<'static, [u8]>,
    pub manifest: Manifest,
    /// The interfaces it imports.
    pub imports: Vec<String>,
    /// The interfaces it exports.
    pub exports: Vec<String>,
    /// Of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// The bounds within which it stops itself, as it says. Whoever relies on them meters it himself.
    pub metered: Option<Budget>,
}

/// Why bytes are no tag.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    #[error("this is no WebAssembly")]
    NotWasm,
    #[error("this is a core module, not a component")]
    CoreModule,
    #[error("this is no valid component: {0}")]
    Malformed(#[from] wasmparser::BinaryReaderError),
    #[error("components are nested deeper than {MAX_NESTING} levels in it")]
    TooDeep,
    #[error("it has more than {MAX_NAMES} imports or exports")]
    TooManyNames,
    #[error("it imports or exports something by an impossible name")]
    BadName,
    #[error("it has no manifest")]
    NoManifest,
    #[error("it has {0} manifests")]
    SeveralManifests(usize),
    #[error("its manifest, tag.toml, {0}")]
    Manifest(#[from] ManifestError),
    #[error("it does not export `{HANDLER}0`")]
    NoHandler,
    #[error("it imports `{import}`, {reason}")]
    Import { import: String, reason: &'static str },
}

impl ComponentError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            ComponentError::NotWasm => "give the path of a `.wasm` file",
            ComponentError::CoreModule => {
                "build it for the target wasm32-wasip2, or make a component of it with `wasm-tools component new`"
            }
            ComponentError::NoManifest => {
                "the SDK's `export!` embeds tag.toml; for other languages, add it as the custom section `tagyard:manifest`"
            }
            ComponentError::SeveralManifests(_) => "a component is one tag: build its tags one by one",
            ComponentError::NoHandler => "export the interface `handler` of wit/tag.wit",
            ComponentError::Import { .. } => "a tag returns requests as data; it opens no connection and no file",
            _ => return None,
        };
        Some(help.to_owned())
    }
}

impl TagComponent {
    /// Reads a component.
    ///
    /// # Errors
    /// When the bytes are no component, no tag, or one that asks for what no tag gets.
    pub fn read(bytes: Cow<'static, [u8]>) -> Result<Self, ComponentError> {
        let outline = Outline::read(&bytes)?;
        if !outline.exports.iter().any(|export| export.starts_with(HANDLER)) {
            return Err(ComponentError::NoHandler);
        }
        for import in &outline.imports {
            if let Some(reason) = refusal(import) {
                return Err(ComponentError::Import { import: import.clone(), reason });
            }
        }
        let manifest = match outline.manifests.as_slice() {
            [manifest] => manifest::parse(manifest)?,
            [] => return Err(ComponentError::NoManifest),
            several => return Err(ComponentError::SeveralManifests(several.len())),
        };
        let Outline { imports, exports, metered, .. } = outline;
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(TagComponent { bytes, manifest, imports, exports, sha256, metered })
    }
}

/// Why an import is refused; `None` if it is not.
fn refusal(import: &str) -> Option<&'static str> {
    if import.starts_with(TYPES) {
        return None;
    }
    if RUNTIME.iter().any(|package| import.starts_with(package)) {
        return match import.split_once('@') {
            Some((_, version)) if version.starts_with("0.2.") => None,
            _ => Some("in a version that the host does not have: it has WASI 0.2"),
        };
    }
    Some(match import.split_once('/').map_or(import, |(package, _)| package) {
        "wasi:sockets" => "but a tag opens no connections: the host sends what it returns",
        "wasi:http" => "but a tag sends nothing by itself: the host sends the requests it returns",
        _ => "which the host does not give to tags",
    })
}

/// The parts of a component that say what it is.
#[derive(Default)]
struct Outline<'b> {
    imports: Vec<String>,
    exports: Vec<String>,
    manifests: Vec<&'b [u8]>,
    metered: Option<Budget>,
}

impl<'b> Outline<'b> {
    fn read(bytes: &'b [u8]) -> Result<Self, ComponentError> {
        if !bytes.starts_with(b"\0asm") {
            return Err(ComponentError::NotWasm);
        }
        let mut outline = Outline::default();
        let mut depth = 0usize;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                    return Err(ComponentError::CoreModule);
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                    depth += 1;
                    if depth > MAX_NESTING {
                        return Err(ComponentError::TooDeep);
                    }
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(imports) if depth == 0 => {
                    add(&mut outline.imports, imports.into_iter().map(|import| Ok(import?.name.name)))?;
                }
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    add(&mut outline.exports, exports.into_iter().map(|export| Ok(export?.name.name)))?;
                }
                Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                    outline.manifests.push(section.data());
                }
                Payload::CustomSection(section) if depth == 0 && section.name() == meter::SECTION => {
                    outline.metered = Budget::read(section.data());
                }
                _ => {}
            }
        }
        Ok(outline)
    }
}

fn add<'b>(
    names: &mut Vec<String>,
    more: impl Iterator<Item = Result<&'b str, wasmparser::BinaryReaderError>>,
) -> Result<(), ComponentError> {
    for name in more {
        if names.len() == MAX_NAMES {
            return Err(ComponentError::TooManyNames);
        }
        let name = name?;
        // Names are shown; a stranger's may not steer the terminal.
        if name.chars().any(char::is_control) {
            return Err(ComponentError::BadName);
        }
        names.push(name.to_owned());
    }
    Ok(())
}

#[cfg(test)]
#[path = "component_tests.rs"]
mod tests;
