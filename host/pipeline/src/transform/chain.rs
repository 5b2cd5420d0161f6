//! The transformations of one tag, in their order.

use std::sync::Arc;

use super::{Fields, Filtered, Passage, Transform, TransformErrors};
use crate::container::model;
use crate::expression::View;

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
    /// the event that came.
    ///
    /// # Errors
    /// When the tag is not to have the event at all.
    pub fn apply<'e>(&self, event: &View<'e>) -> Result<Fields<'e>, Filtered> {
        let mut event = Passage::of(event);
        self.iter().try_for_each(|transform| transform.apply(&mut event))?;
        Ok(event.into_fields())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Transform> {
        self.shared.iter().filter(|transform| transform.is_for(&self.tag)).chain(&self.own)
    }
}
