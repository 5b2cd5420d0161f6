//! The tags inside the host's binary.

use std::borrow::Cow;

use super::{RegistryError, TagComponent};
use crate::text::nearest;

include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// The names of the bundled tags, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    TAGS.iter().map(|(name, _)| *name)
}

/// A bundled tag's examples, by the names of their files.
pub(super) fn examples(name: &str) -> &'static [(&'static str, &'static str)] {
    EXAMPLES.iter().find(|(bundled, _)| *bundled == name).map_or(&[], |(_, examples)| examples)
}

pub(super) fn read(name: &str) -> Result<TagComponent, RegistryError> {
    let Some((name, bytes)) = TAGS.iter().find(|(bundled, _)| *bundled == name) else {
        return Err(RegistryError::Unknown { name: name.to_owned(), near: nearest(name, names()) });
    };
    TagComponent::read(Cow::Borrowed(bytes))
        .map_err(|error| RegistryError::Component { place: format!("the bundled tag `{name}`"), error })
}
