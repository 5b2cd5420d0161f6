//! Where tags come from: bundled with the host, or a file. A tag is read here without being compiled or run.

mod bundled;
mod component;
mod example;
mod file;
mod manifest;
#[cfg(test)]
pub(crate) mod sample;

use std::path::{Path, PathBuf};

pub use bundled::names as bundled_names;
pub use component::{ComponentError, TagComponent};
pub use example::{Example, ExampleError, bundled as bundled_examples, in_folder as examples_in};
pub use manifest::ManifestError;

/// The largest component that is read. A tag with a JavaScript or Python engine inside has 5 to 40 MB; compiling one takes
/// memory in proportion, which is what this bounds.
pub const MAX_COMPONENT_BYTES: u64 = 64 * 1024 * 1024;

/// Why a tag is not there, or is none.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("there is no bundled tag `{name}`")]
    Unknown { name: String, near: Option<&'static str> },
    #[error("tags from an OCI registry are not available yet")]
    Oci,
    #[error("cannot read {}: {error}", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{} is no file", .0.display())]
    NoFile(PathBuf),
    #[error("{} is larger than {} MiB, the most that a component may have", .0.display(), MAX_COMPONENT_BYTES >> 20)]
    TooLarge(PathBuf),
    #[error("{place}: {error}")]
    Component { place: String, error: ComponentError },
}

impl RegistryError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            RegistryError::Unknown { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            RegistryError::Unknown { near: None, .. } => {
                let names: Vec<&str> = bundled::names().collect();
                Some(format!("bundled are `{}`; a file's path begins with `./`, `../` or `/`", names.join("`, `")))
            }
            RegistryError::Oci => Some("pull the component first, and give its path: `./tag.wasm`".to_owned()),
            RegistryError::Unreadable { .. } | RegistryError::NoFile(_) | RegistryError::TooLarge(_) => None,
            RegistryError::Component { error, .. } => error.help(),
        }
    }
}

/// The tag that a container's `use` names: a bundled tag's name, or the path of a component (beginning with `./`, `../` or
/// `/`, relative to `base`, the folder of the container file).
///
/// # Errors
/// When there is none, or it is no component that may be loaded.
pub fn resolve(uses: &str, base: &Path) -> Result<TagComponent, RegistryError> {
    if uses.starts_with("oci://") {
        return Err(RegistryError::Oci);
    }
    match path_of(uses, base) {
        Some(path) => file::read(&path),
        None => bundled::read(uses),
    }
}

/// The file that a `use` names, if it names one.
pub fn path_of(uses: &str, base: &Path) -> Option<PathBuf> {
    is_path(uses).then(|| base.join(uses.strip_prefix("./").unwrap_or(uses)))
}

/// The tag that a person names on the command line: a bundled tag's name, or a component's path in any form. With it, the `use`
/// by which a container beside it would name it.
///
/// # Errors
/// As [`resolve`].
pub fn open(name: &str) -> Result<(String, TagComponent), RegistryError> {
    let looks_like_a_path = is_path(name) || name.contains('/') || Path::new(name).extension().is_some();
    if name.starts_with("oci://") || !looks_like_a_path {
        return Ok((name.to_owned(), resolve(name, Path::new(""))?));
    }
    let uses = if is_path(name) { name.to_owned() } else { format!("./{name}") };
    Ok((uses, file::read(Path::new(name))?))
}

/// Whether a `use` names a bundled tag, whose manifest is the project's own, rather than a third party's.
pub fn is_bundled(uses: &str) -> bool {
    bundled::names().any(|name| name == uses)
}

fn is_path(uses: &str) -> bool {
    ["./", "../", "/"].iter().any(|start| uses.starts_with(start))
}
