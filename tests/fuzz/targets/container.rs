//! The container file: any text is either a container or a report that points into it.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the host uses more of these parts")]

#[path = "../../../host/native/src/container/mod.rs"]
mod container;
#[path = "../../../host/native/src/geo.rs"]
mod geo;
#[path = "../../../host/native/src/limits.rs"]
mod limits;
#[path = "../../../host/native/src/meter/mod.rs"]
mod meter;
#[path = "../../../host/native/src/registry/mod.rs"]
mod registry;
#[path = "../../../host/native/src/text.rs"]
mod text;

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let env = |name: &str| (name != "UNSET").then(|| "value".to_owned());
    // Nothing is in that folder: a container's files are the registry's matter.
    match container::parse("fuzz.toml", text, Path::new("/nonexistent"), env) {
        Ok(loaded) => assert_eq!(loaded.container.tags.len(), loaded.tags.len()),
        Err(report) => assert!(!report.to_string().is_empty()),
    }
});
