//! The files that a container names, whether or not it is one that loads: components, and its database of addresses.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::read;
use crate::registry;

/// The files that a container file names, each once; none where the file cannot be read, or is a pipe, which can be
/// read only once.
pub fn files(container: &Path) -> Vec<PathBuf> {
    let text = if container.is_file() { read(container).unwrap_or_default() } else { String::new() };
    let table: Table = text.parse().unwrap_or_default();
    let base = container.parent().unwrap_or(Path::new(""));
    let tags = table.get("tag").and_then(Value::as_array).into_iter().flatten();
    let uses = tags.filter_map(|tag| tag.get("use").and_then(Value::as_str));
    let mut files: Vec<PathBuf> = uses.filter_map(|uses| registry::path_of(uses, base)).collect();
    let database = table.get("geo").and_then(|geo| geo.get("file")).and_then(Value::as_str);
    files.extend(database.map(|file| base.join(file)));
    files.sort();
    files.dedup();
    files
}
