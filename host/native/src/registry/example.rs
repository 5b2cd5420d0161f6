//! A tag's examples: events, settings, and what comes of them.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use super::bundled;

/// The longest file of an example, and the most files of a folder.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;
const MAX_FILES: usize = 1_000;

/// One example: what a tag is called with.
#[derive(Clone, Debug)]
pub struct Example {
    /// Its file's name.
    pub name: String,
    pub events: Vec<Map<String, Value>>,
    /// As JSON text.
    pub settings: String,
}

/// Why a file is no example.
#[derive(Debug, thiserror::Error)]
#[error("the example {file}: {problem}")]
pub struct ExampleError {
    file: String,
    problem: String,
}

/// Those of a bundled tag.
///
/// # Errors
/// When one of them cannot be read, which the project's own tests find out first.
pub fn bundled(name: &str) -> Result<Vec<Example>, ExampleError> {
    bundled::examples(name).iter().map(|(file, text)| parse(file, text)).collect()
}

/// Those in a folder: every `.json` in it.
///
/// # Errors
/// When it cannot be read, or a file in it is none.
pub fn in_folder(folder: &Path) -> Result<Vec<Example>, ExampleError> {
    let wrong = |error: std::io::Error| ExampleError {
        file: folder.display().to_string(),
        problem: format!("cannot be read: {error}"),
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    files.truncate(MAX_FILES);
    files.iter().map(|file| parse(&file.display().to_string(), &read(file).map_err(wrong)?)).collect()
}

fn read(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    #[expect(clippy::disallowed_methods, reason = "bounded by `take`")]
    File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn parse(file: &str, text: &str) -> Result<Example, ExampleError> {
    let wrong = |problem: String| ExampleError { file: file.to_owned(), problem };
    let example: Value = serde_json::from_str(text).map_err(|error| wrong(format!("is no JSON: {error}")))?;
    let event =
        |event: &Value| event.as_object().cloned().ok_or_else(|| wrong("has an event that is no object".to_owned()));
    let events = match example.get("event") {
        Some(Value::Array(events)) => events.iter().map(event).collect::<Result<_, _>>()?,
        Some(one) => vec![event(one)?],
        None => return Err(wrong("has no `event`".to_owned())),
    };
    let settings = match example.get("settings") {
        Some(settings) => settings.to_string(),
        None => "{}".to_owned(),
    };
    Ok(Example { name: file.to_owned(), events, settings })
}
