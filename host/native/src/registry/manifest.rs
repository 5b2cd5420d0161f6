//! The manifest inside a component: TOML, checked for what the host relies on.

use serde_json::Value;
use tagyard_pipeline::grants::HostPattern;
use tagyard_pipeline::manifest::Manifest;
use tagyard_pipeline::path::Fields;

use crate::text::Position;

/// Longer than any manifest that a person wrote; bounds what is parsed of a stranger's component.
const MAX_MANIFEST_BYTES: usize = 256 * 1024;

/// The most events that a manifest may ask for in one call: the largest batch of the vendors' APIs (Mixpanel's).
const MAX_BATCH: u32 = 2_000;

/// Why a manifest is none.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("is longer than {} KiB", MAX_MANIFEST_BYTES / 1024)]
    TooLong,
    #[error("is not UTF-8")]
    NotText,
    #[error("is wrong at {position}: {message}")]
    Toml { position: Position, message: String },
    #[error("holds control characters")]
    Control,
    #[error("says `{key}` wrongly: {message}")]
    Value { key: String, message: String },
}

pub(super) fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Err(ManifestError::TooLong);
    }
    let text = str::from_utf8(bytes).map_err(|_| ManifestError::NotText)?;
    let manifest: Manifest = toml::from_str(text).map_err(|error| ManifestError::Toml {
        position: Position::of(text, error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    let whole = serde_json::to_value(&manifest).unwrap_or_default();
    if has_control(&whole) {
        return Err(ManifestError::Control);
    }
    check(&manifest).map_err(|(key, message)| ManifestError::Value { key, message })?;
    Ok(manifest)
}

/// Whether a text in it would steer the terminal that it is shown on. The recursion is bounded by the TOML parser.
fn has_control(value: &Value) -> bool {
    let steers = |text: &str| text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
    match value {
        Value::String(text) => steers(text),
        Value::Array(items) => items.iter().any(has_control),
        Value::Object(object) => object.iter().any(|(key, value)| steers(key) || has_control(value)),
        _ => false,
    }
}

type Wrong = (String, String);

fn check(manifest: &Manifest) -> Result<(), Wrong> {
    let wrong = |key: &str, message: &str| Err((key.to_owned(), message.to_owned()));
    if !is_name(&manifest.name) {
        return wrong("name", "a name has 1 to 64 letters, digits, `-`, `_` and `.`");
    }
    if !(1..=MAX_BATCH).contains(&manifest.max_batch) {
        return wrong("max_batch", &format!("it is from 1 to {MAX_BATCH}"));
    }
    if let Some(secret) = manifest.secrets.keys().find(|name| !is_name(name)) {
        return wrong(&format!("secrets.{secret}"), "a name has 1 to 64 letters, digits, `-`, `_` and `.`");
    }
    if let Some(secret) = manifest.required_secrets.iter().find(|name| !manifest.secrets.contains_key(*name)) {
        return wrong("required_secrets", &format!("`{secret}` is not among its `secrets`"));
    }
    for host in &manifest.hosts {
        HostPattern::parse(host).map_err(|error| ("hosts".to_owned(), format!("`{host}`: {error}")))?;
    }
    for (key, fields) in [("fields", &manifest.fields), ("optional_fields", &manifest.optional_fields)] {
        for field in fields {
            Fields::parse([field]).map_err(|(_, error)| (key.to_owned(), format!("`{field}`: {error}")))?;
        }
    }
    check_settings(manifest)
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// The schema has to be one, and its defaults have to keep to it: the host fills them in.
fn check_settings(manifest: &Manifest) -> Result<(), Wrong> {
    let wrong = |message: String| ("settings".to_owned(), message);
    let schema = Value::Object(manifest.settings.clone());
    let validator = crate::container::schema::compile(&schema).map_err(wrong)?;
    let defaults = Value::Object(manifest.default_settings());
    // What is wrong with the whole object, such as a missing property, is wrong only without the operator's own settings.
    let fault = validator.iter_errors(&defaults).find(|error| !error.instance_path().is_empty());
    match fault {
        Some(fault) => Err(wrong(format!("the default of `{}`: {fault}", fault.instance_path().as_str()))),
        None => Ok(()),
    }
}
