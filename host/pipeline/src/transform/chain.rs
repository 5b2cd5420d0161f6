//! The transformations of one tag, in their order.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Fields, Filtered, Passage, Transform, TransformErrors};
use crate::container::model;
use crate::expression::View;
use crate::outline::Outline;
use crate::rules::Scope;

/// Those of the container that are for the tag, and then the tag's own.
#[derive(Debug)]
pub struct Chain {
    tag: String,
    shared: Arc<[Transform]>,
    own: Vec<Transform>,
}

impl Chain {
    /// Compiles a tag's transformations. `shared` are the container's.
    ///
    /// # Errors
    /// When one of the tag's own does not compile.
    pub fn compile(tag: &model::Tag, shared: Arc<[Transform]>) -> Result<Self, TransformErrors> {
        let own = tag.transforms.iter().map(Transform::compile).collect::<Result<_, _>>()?;
        Ok(Chain { tag: tag.name.clone(), shared, own })
    }

    /// Makes the changes in order. The event is copied only if there is one to make. What stands around it stays as it was for
    /// the event that came. The container's first ones, up to one that is not for all tags, are made once for all of them.
    ///
    /// # Errors
    /// When the tag is not to have the event at all.
    pub fn apply<'e>(&self, scope: &'e Scope<'e>) -> Result<Fields<'e>, Filtered> {
        let changed = scope.changed(|view| {
            Ok(match self.made(self.for_all(), view, view.fields())? {
                Cow::Owned(fields) => Some(fields),
                Cow::Borrowed(_) => None,
            })
        });
        let fields = changed.as_ref().map_err(Clone::clone)?.as_ref().unwrap_or_else(|| scope.view().fields());
        self.made(self.iter().skip(self.for_all().count()), &scope.view(), fields)
    }

    pub(super) fn made<'t, 'e>(
        &self,
        mut transforms: impl Iterator<Item = &'t Transform>,
        view: &View<'_>,
        fields: &'e Outline,
    ) -> Result<Fields<'e>, Filtered> {
        let mut event = Passage::of(view, fields);
        transforms.try_for_each(|transform| transform.apply(&mut event))?;
        Ok(event.into_fields())
    }

    fn for_all(&self) -> impl Iterator<Item = &Transform> {
        self.shared.iter().take_while(|transform| transform.tags.is_none())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Transform> {
        self.shared.iter().filter(|transform| transform.is_for(&self.tag)).chain(&self.own)
    }
}
