//! `drop`: removes fields.

use serde_json::{Map, Value};

use super::error::{Fault, Step, TransformError, TransformErrors};
use super::{Change, Compiled, Effect};
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
    fn concerns(&self, fields: &Map<String, Value>) -> bool {
        self.0.iter().any(|path| path.leads_somewhere(fields))
    }

    fn apply(&self, fields: &mut Map<String, Value>) {
        self.0.iter().for_each(|path| path.remove(fields));
    }
}
