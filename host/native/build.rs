//! Builds the bundled tags, every folder of `guest-tags` with a `tag.toml`, for WebAssembly, and writes the list of them
//! that `registry::bundled` includes. So a new tag is a new folder and touches no host file.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "guest";

/// What the tags are made from besides their own folders, relative to the workspace. `Cargo.lock` stands for new tags
/// too: a new package always changes it, whereas watching `guest-tags` itself would rebuild for every example.
const SHARED: [&str; 6] =
    [".cargo/config.toml", "Cargo.lock", "Cargo.toml", "guest-tags/sdk/Cargo.toml", "guest-tags/sdk/src", "wit"];

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={}", message.replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let workspace = absolute(&variable("CARGO_MANIFEST_DIR")?.join("../.."))?;
    let out = variable("OUT_DIR")?;
    for path in SHARED {
        watch(&workspace.join(path));
    }
    println!("cargo::rerun-if-changed=build.rs");

    let tags = find(&workspace.join("guest-tags"))?;
    let wasm = target_folder(&out).unwrap_or(&out).join("guest-tags");
    if !tags.is_empty() {
        have_target(&workspace)?;
        compile(&workspace, &wasm, tags.values().map(|tag| tag.package.as_str()))?;
    }
    write_list(&tags, &wasm.join(TARGET).join(PROFILE), &out)
}

/// One bundled tag's crate.
struct Tag {
    package: String,
    folder: PathBuf,
}

/// The tags by the names they have in their manifests.
fn find(folder: &Path) -> Result<BTreeMap<String, Tag>, String> {
    let mut tags = BTreeMap::new();
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    for entry in entries {
        let folder = entry.map_err(|error| error.to_string())?.path();
        let manifest = folder.join("tag.toml");
        if !manifest.is_file() {
            continue;
        }
        for path in ["Cargo.toml", "tag.toml", "src", "examples"] {
            watch(&folder.join(path));
        }
        let name = text_at(&manifest, &["name"])?;
        let tag = Tag { package: text_at(&folder.join("Cargo.toml"), &["package", "name"])?, folder };
        if let Some(other) = tags.insert(name.clone(), tag) {
            return Err(format!("two bundled tags are named `{name}`; one of them is in {}", other.folder.display()));
        }
    }
    Ok(tags)
}

/// The string at `keys` in a TOML file.
#[expect(clippy::disallowed_methods, reason = "the project's own files")]
fn text_at(path: &Path, keys: &[&str]) -> Result<String, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let (first, rest) = keys.split_first().ok_or("no key")?;
    rest.iter()
        .try_fold(table.get(*first), |value, key| Some(value?.get(key)))
        .flatten()
        .and_then(|value| value.as_str())
        .map(str::to_owned)
        .ok_or_else(|| format!("{} has no text `{}`", path.display(), keys.join(".")))
}

/// Makes sure that Rust's standard library for the tags is there.
fn have_target(workspace: &Path) -> Result<(), String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let libraries = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(workspace)
        .output()
        .map_err(|error| format!("cannot run rustc: {error}"))?;
    if Path::new(String::from_utf8_lossy(&libraries.stdout).trim()).is_dir() {
        return Ok(());
    }
    let added = Command::new("rustup").args(["target", "add", TARGET]).current_dir(workspace).status();
    if added.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(format!(
        "the bundled tags need Rust's target {TARGET}, which could not be added: run `rustup target add {TARGET}`"
    ))
}

/// Builds all tags in one run of cargo, in a target folder of their own: the outer build holds the lock on its own.
fn compile<'a>(workspace: &Path, wasm: &Path, packages: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut cargo = Command::new(variable("CARGO")?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_the_outer_build(name)) {
        cargo.env_remove(name);
    }
    cargo.current_dir(workspace).args(["build", "--locked", "--profile", PROFILE, "--target", TARGET]);
    cargo.arg("--target-dir").arg(wasm);
    for package in packages {
        cargo.args(["--package", package]);
    }
    match cargo.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("a bundled tag does not build for WebAssembly; the compiler's messages are below".to_owned()),
        Err(error) => Err(format!("cannot run cargo for the bundled tags: {error}")),
    }
}

/// Whether a variable would make the tags' build another one than it is by itself: the outer build's flags (which would
/// replace the memory layout that `.cargo/config.toml` gives), clippy as the compiler, and what cargo tells a build script.
/// Where packages come from, the network, and the job server stay.
fn is_of_the_outer_build(name: &OsStr) -> bool {
    const OTHERS: [&str; 10] = [
        "RUSTFLAGS",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_LINKER",
        "OUT_DIR",
        "TARGET",
        "HOST",
        "PROFILE",
        "OPT_LEVEL",
        "DEBUG",
        "LLVM_PROFILE_FILE",
    ];
    const KEPT: [&str; 5] = ["CARGO_HOME", "CARGO_MAKEFLAGS", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR"];
    let name = name.to_string_lossy();
    OTHERS.contains(&name.as_ref()) || (name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept)))
}

/// A tag's examples, by the names of their files.
fn examples(folder: &Path) -> Result<BTreeMap<String, PathBuf>, String> {
    let folder = folder.join("examples");
    let wrong = |error: std::io::Error| format!("cannot list {}: {error}", folder.display());
    let mut examples = BTreeMap::new();
    if folder.is_dir() {
        for entry in fs::read_dir(&folder).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".json") {
                examples.insert(name, path);
            }
        }
    }
    Ok(examples)
}

/// Copies the components to `out`, since another build may be writing the shared ones while this one is compiled, and
/// writes `bundled.rs` beside them.
fn write_list(tags: &BTreeMap<String, Tag>, built: &Path, out: &Path) -> Result<(), String> {
    let mut list = String::from(
        "/// The bundled tags' names and components, by name.\npub(super) const TAGS: &[(&str, &[u8])] = &[\n",
    );
    for (name, tag) in tags {
        let from = built.join(tag.package.replace('-', "_")).with_extension("wasm");
        let to = out.join(&tag.package).with_extension("wasm");
        fs::copy(&from, &to).map_err(|error| format!("the tag `{name}` made no {}: {error}", from.display()))?;
        writeln!(list, "    ({name:?}, include_bytes!({:?})),", to.display().to_string())
            .map_err(|error| error.to_string())?;
    }
    list.push_str("];\n");
    list.push_str("\n/// Their examples: the files' names and what they hold.\n");
    list.push_str("pub(super) const EXAMPLES: &[(&str, &[(&str, &str)])] = &[\n");
    for (name, tag) in tags {
        writeln!(list, "    ({name:?}, &[").map_err(|error| error.to_string())?;
        for (file, path) in examples(&tag.folder)? {
            writeln!(list, "        ({file:?}, include_str!({:?})),", path.display().to_string())
                .map_err(|error| error.to_string())?;
        }
        list.push_str("    ]),\n");
    }
    list.push_str("];\n");
    fs::write(out.join("bundled.rs"), list).map_err(|error| format!("cannot write bundled.rs: {error}"))
}

/// The folder of all profiles, so that debug, release and clippy builds share the tags; `out` is
/// `target/PROFILE/build/…/out`. Cargo marks it with a `CACHEDIR.TAG`, but only where it made it itself, so that is not
/// what to go by.
fn target_folder(out: &Path) -> Option<&Path> {
    let build = out.ancestors().find(|folder| folder.file_name() == Some(OsStr::new("build")))?;
    build.parent()?.parent()
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

fn variable(name: &str) -> Result<PathBuf, String> {
    std::env::var_os(name).map(PathBuf::from).ok_or_else(|| format!("cargo did not set {name}"))
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    path.canonicalize().map_err(|error| format!("cannot find {}: {error}", path.display()))
}
