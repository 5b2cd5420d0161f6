//! An event on its way through a tag's transformations.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Fields;
use crate::expression::View;

/// As it came, until something changes it.
pub(super) struct Passage<'v, 'e> {
    /// The event as it came, as expressions see it: all tags share it.
    view: &'v View<'e>,
    fields: Fields<'e>,
}

impl<'v, 'e> Passage<'v, 'e> {
    pub(super) fn of(view: &'v View<'e>) -> Self {
        Passage { view, fields: Cow::Borrowed(view.fields()) }
    }

    pub(super) fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// For a change. The event is copied here, so only for one that finds something to change.
    pub(super) fn to_mut(&mut self) -> &mut Map<String, Value> {
        self.fields.to_mut()
    }

    /// Calls `look` with the event as expressions see it now. What stands around it stays as it was for the event that came.
    pub(super) fn view<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        match &self.fields {
            Cow::Borrowed(_) => look(self.view),
            Cow::Owned(fields) => look(&self.view.with_fields(fields)),
        }
    }

    pub(super) fn into_fields(self) -> Fields<'e> {
        self.fields
    }
}
