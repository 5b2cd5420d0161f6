//! `drop`: removes fields.

use serde_json::{Map, Value};

use super::{Change, TransformError};
use crate::expression::Around;
use crate::path::Path;

#[derive(Debug)]
pub(super) struct Drop(Vec<Path>);

impl Drop {
    pub(super) fn compile(paths: &[String]) -> Result<Self, TransformError> {
        let parse = |path: &String| {
            // `context.page.*` and `context.page` are the same thing to remove.
            let text = path.strip_suffix(".*").unwrap_or(path);
            Path::parse(text).map_err(|error| TransformError::Path { key: path.clone(), error })
        };
        paths.iter().map(parse).collect::<Result<_, _>>().map(Drop)
    }
}

impl Change for Drop {
    fn apply(&self, fields: &mut Map<String, Value>, _: &dyn Around) {
        self.0.iter().for_each(|path| path.remove(fields));
    }
}
