//! Gives the container's target the bundled tags, as the host's own build script built them. `run` says where they are.

use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

const TAGS: [&str; 2] = ["ga4", "webhook"];

fn main() {
    if env::var_os("CARGO_FEATURE_CONTAINER").is_none() {
        return;
    }
    println!("cargo::rerun-if-env-changed=TAGYARD_TAGS");
    let folder = PathBuf::from(env::var_os("TAGYARD_TAGS").expect("tests/fuzz/run sets TAGYARD_TAGS"));
    let mut list = String::from("pub(super) const TAGS: &[(&str, &[u8])] = &[\n");
    for tag in TAGS {
        let component = folder.join(format!("tag_{tag}.wasm"));
        println!("cargo::rerun-if-changed={}", component.display());
        writeln!(list, "    ({tag:?}, include_bytes!({:?})),", component.display().to_string()).expect("a string");
    }
    // The examples are for `tag check`.
    list.push_str("];\npub(super) const EXAMPLES: &[(&str, &[(&str, &str)])] = &[];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("bundled.rs"), list).expect("it can be written");
}
