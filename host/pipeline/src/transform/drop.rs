//! `drop`: removes fields.

use super::error::{Fault, Step, TransformError, TransformErrors};
use super::{Change, Compiled, Effect, Passage};
use crate::path::Path;

#[derive(Debug)]
struct Drop(Vec<Path>);

pub(super) fn compile(paths: &[String]) -> Compiled {
    let parse = |(index, text): (usize, &String)| {
        // `context.page.*` and `context.page` are the same thing to remove.
        Path::parse(text.strip_suffix(".*").unwrap_or(text))
            .map_err(|error| TransformError::at([Step::Index(index)], Fault::Path(error)))
    };
    TransformErrors::all(paths.iter().enumerate().map(parse)).map(|paths| Effect::change(Drop(paths)))
}

impl Change for Drop {
    fn apply(&self, event: &mut Passage<'_, '_>) {
        for path in &self.0 {
            if path.leads_somewhere(event.fields()) {
                path.remove(event.to_mut());
            }
        }
    }
}
