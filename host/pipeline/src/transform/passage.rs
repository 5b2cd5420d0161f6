//! An event on its way through a tag's transformations.

use std::borrow::Cow;

use super::Fields;
use crate::expression::View;
use crate::outline::Outline;

/// As it came, until something changes it.
pub(super) struct Passage<'v, 'e> {
    /// The event as it came, as expressions see it: all tags share it.
    view: &'v View<'v>,
    fields: Fields<'e>,
}

impl<'v, 'e> Passage<'v, 'e> {
    /// `fields` are what other transformations have made of it.
    pub(super) fn of(view: &'v View<'v>, fields: &'e Outline) -> Self {
        Passage { view, fields: Cow::Borrowed(fields) }
    }

    pub(super) fn fields(&self) -> &Outline {
        &self.fields
    }

    /// For a change. The event is copied here, so only for one that finds something to change.
    pub(super) fn to_mut(&mut self) -> &mut Outline {
        self.fields.to_mut()
    }

    /// Calls `look` with the event as expressions see it now. What stands around it stays as it was for the event that came.
    pub(super) fn view<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        look(&self.view.with_fields(&self.fields))
    }

    pub(super) fn into_fields(self) -> Fields<'e> {
        self.fields
    }
}
