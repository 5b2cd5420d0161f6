//! A tag in a file of its own.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{MAX_COMPONENT_BYTES, RegistryError, TagComponent};

pub(super) fn read(path: &Path) -> Result<TagComponent, RegistryError> {
    let unreadable = |error| RegistryError::Unreadable { path: path.to_owned(), error };
    // Asked before it is opened: opening a pipe would wait for its writer.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(RegistryError::NoFile(path.to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    #[expect(clippy::disallowed_methods, reason = "bounded by `take`")]
    file.take(MAX_COMPONENT_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_COMPONENT_BYTES) {
        return Err(RegistryError::TooLarge(path.to_owned()));
    }
    TagComponent::read(Cow::Owned(bytes))
        .map_err(|error| RegistryError::Component { place: path.display().to_string(), error })
}
