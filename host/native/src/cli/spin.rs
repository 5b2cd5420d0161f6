//! `tagyard spin`: a container as an application for Spin.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use super::tag_check::{mib, millions, tried};
use super::r#try::secrets;
use super::{fail, log};
use crate::container::{Report, Written};
use crate::deliver::Divert;
use crate::spin::{Application, Build, Places, Trials, seen_from};
use crate::tag_check::CALLS;

/// Where the collector and the adapter are built in a checkout of Tagyard.
const BUILT: &str = "target/guest-tags/wasm32-wasip2/guest";

/// The components that are the same for every container.
const HOST: [&str; 2] = ["tagyard_collector.wasm", "tagyard_adapter.wasm"];

/// Write the manifest that runs a container on Spin.
///
/// Refuses what Spin cannot hold safely, with its place in the container file, and checks every tag as `tagyard tag check` does: Spin interrupts
/// none. The components that have passed are written beside the manifest, which names them. Secrets need not be set; Spin gets them as
/// variables. docs/spin.md says how to go on.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The container file
    #[arg(value_name = "CONTAINER.toml")]
    container: PathBuf,
    /// Where to write the manifest; without it, it is printed, and no component is written
    #[arg(short, long, value_name = "spin.toml")]
    output: Option<PathBuf>,
    /// The folder with tagyard_collector.wasm and tagyard_adapter.wasm; in a checkout of Tagyard they are where it builds them
    #[arg(long, value_name = "FOLDER")]
    host: Option<PathBuf>,
    /// The folder to write the tags' components to, beside the manifest if it is relative
    #[arg(long, value_name = "FOLDER", default_value = "target/spin-tags")]
    tags: PathBuf,
    /// Rewrite the tags so that each call stops itself after so many millions of instructions
    #[arg(long, value_name = "MILLIONS", num_args = 0..=1, require_equals = true, default_missing_value = "500")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    metered: Option<u64>,
    /// Have every request go here instead of to its vendor, who is then named in `Forwarded`: a scheme, a host and a port
    #[arg(long, value_name = "URL", value_parser = Divert::parse)]
    divert: Option<Divert>,
    /// How many calls with made-up events each tag has to pass
    #[arg(long, value_name = "NUMBER", default_value_t = CALLS)]
    calls: u32,
    /// What they are made up from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Print each problem as one line, `FILE:LINE:COL: message (help)`
    #[arg(long)]
    plain: bool,
}

const EXAMPLES: &str = "\
Examples:
  tagyard spin shop.toml -o spin.toml
  tagyard spin shop.toml -o spin.toml --metered       a tag that loops stops itself
  tagyard spin shop.toml                              look at it first
  tagyard spin shop.toml -o try.toml --divert http://127.0.0.1:9000
                                                      try it: no vendor gets anything

Exits with 0 if the manifest was written, and with 1 if not.";

/// Exits with 0 if the container can run on Spin.
pub fn run(args: &Args) -> ExitCode {
    log::start("warn");
    let refused = |report: Report| {
        match args.plain {
            true => eprintln!("{report}"),
            false => eprintln!("{}", report.pretty()),
        }
        ExitCode::FAILURE
    };
    let written = match Written::read(&args.container) {
        Ok(written) => written,
        Err(report) => return refused(report),
    };
    let loaded = match written.load(secrets) {
        Ok(loaded) => loaded,
        Err(report) => return refused(report),
    };
    // Said before the tags are checked, which takes a while.
    let places = match places(args, loaded.tags.iter().map(|tag| tag.spec.uses.as_str())) {
        Ok(places) => places,
        Err(problem) => return fail(&problem),
    };
    let metered = args.metered.map(|millions| millions * 1_000_000);
    let trials = Trials { calls: args.calls, seed: args.seed, metered };
    let application = match Application::new(&written, &loaded, trials, |tag| eprintln!("checking {tag} …")) {
        Ok(application) => application,
        Err(report) => return refused(report),
    };
    let manifest = application.manifest(&places);
    match &args.output {
        None => say!("{}", manifest.trim_end()),
        Some(output) => {
            let collector = folder(args).join(&places.host).join(HOST[0]);
            if let Err(problem) = put(args, output, &collector, &application, &manifest) {
                return fail(&problem);
            }
            tell(args, output, &application);
        }
    }
    ExitCode::SUCCESS
}

/// The folder that the manifest's paths are relative to.
fn folder(args: &Args) -> PathBuf {
    let parent = args.output.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() }
}

fn places<'u>(args: &Args, uses: impl Iterator<Item = &'u str>) -> Result<Places, String> {
    let folder = folder(args);
    let seen = |path: &Path| seen_from(&folder, path).map_err(|error| error.to_string());
    let is_checkout = folder.join("host/spin/Cargo.toml").is_file();
    let host = match &args.host {
        Some(host) => {
            for file in HOST {
                if !host.join(file).is_file() {
                    return Err(format!("there is no {file} in {}: build it as docs/spin.md says", host.display()));
                }
            }
            seen(host)?
        }
        None if is_checkout => BUILT.to_owned(),
        None => {
            return Err(format!(
                "{} is no checkout of Tagyard, so say by --host where {} and {} are: a checkout builds them into {BUILT}",
                folder.display(),
                HOST[0],
                HOST[1]
            ));
        }
    };
    let container = seen(&args.container)?;
    let tags = if args.tags.is_absolute() { seen(&args.tags)? } else { args.tags.display().to_string() };
    let mut again = vec!["tagyard".to_owned(), "spin".to_owned(), quoted(&container), "-o".to_owned(), name(args)];
    let mut watch = vec![container.clone()];
    let mut commands = Vec::new();
    if is_checkout && args.host.is_none() {
        // The folder is named since `CARGO_TARGET_DIR`, where it is set, has more say than the settings of that folder.
        commands.push("cd host/spin && cargo build --profile guest --target-dir ../../target/guest-tags".to_owned());
        again.splice(0..1, ["cargo", "run", "--quiet", "--"].map(str::to_owned));
        watch.extend(
            ["host/pipeline/src/**/*.rs", "host/spin/*/src/**/*.rs", "host/spin/**/Cargo.toml", "guest-tags/**/*.rs"]
                .map(str::to_owned),
        );
    } else {
        again.extend(["--host".to_owned(), quoted(&host)]);
    }
    if tags != "target/spin-tags" {
        again.extend(["--tags".to_owned(), quoted(&tags)]);
    }
    if let Some(millions) = args.metered {
        again.push(format!("--metered={millions}"));
    }
    if let Some(divert) = &args.divert {
        again.push(format!("--divert={}", quoted(&divert.to_string())));
    }
    // `--calls` and `--seed` are for looking closer, or quickly; what is built passes the whole check.
    commands.push(again.join(" "));
    let base = args.container.parent().unwrap_or(Path::new(""));
    for file in uses.filter_map(|uses| crate::registry::path_of(uses, base)) {
        watch.push(seen(&file)?);
    }
    watch.dedup();
    Ok(Places { host, tags, build: Build { commands, watch }, divert: args.divert.clone(), container })
}

/// The manifest's own name.
fn name(args: &Args) -> String {
    let name = args.output.as_deref().and_then(Path::file_name).unwrap_or("spin.toml".as_ref());
    quoted(&name.to_string_lossy())
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn put(args: &Args, output: &Path, collector: &Path, application: &Application, manifest: &str) -> Result<(), String> {
    let folder = folder(args).join(&args.tags);
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    let tags = application.tags().iter().map(|tag| (folder.join(&tag.file), &*tag.component.bytes));
    let files = tags.chain([(output.to_owned(), manifest.as_bytes())]);
    // What is like that already is left alone: `spin watch` would take it for changed.
    let changed: Vec<_> = files.filter(|(path, bytes)| !is_like(path, bytes)).collect();
    if !changed.is_empty() {
        touch(collector);
    }
    for (path, bytes) in changed {
        fs::write(&path, bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

fn is_like(path: &Path, bytes: &[u8]) -> bool {
    #[expect(clippy::disallowed_methods, reason = "of the length that is compared with")]
    let same = fs::metadata(path).is_ok_and(|file| file.len() == bytes.len() as u64)
        && fs::read(path).is_ok_and(|before| before == bytes);
    same
}

/// `spin watch` starts an application again where the `source` of a component has changed, and not for its manifest, nor for a dependency. So
/// one of them changes by its time; before anything else does, as a changed manifest has Spin break this command off and run it again.
fn touch(component: &Path) {
    // Where it is not built yet, or somebody else's, nobody watches it.
    let _ = fs::File::options().append(true).open(component).and_then(|file| file.set_modified(SystemTime::now()));
}

fn tell(args: &Args, output: &Path, application: &Application) {
    for tag in application.tags() {
        let (component, passed) = (&tag.component, &tag.passed);
        let (name, version) = (&component.manifest.name, &component.manifest.version);
        let metered = if component.metered.is_some() { "metered, " } else { "" };
        say!("{} ({name} {version}): {metered}passed with {}", tag.name, tried(passed));
        say!(
            "  at most {} of {} instructions and {} MiB; {}",
            millions(passed.instructions.0),
            millions(passed.most),
            mib(passed.memory.0),
            tag.file
        );
    }
    if application.tags().iter().any(|tag| tag.component.metered.is_none()) {
        say!("not metered: a tag that loops for an event which nobody tried would not be stopped; --metered stops it");
    }
    if let Some(divert) = &args.divert {
        say!("for a try: every request goes to {divert}, and to no vendor");
    }
    say!("wrote {}", output.display());
    let variables = application.variables().into_iter();
    let variables: Vec<String> = variables.map(|name| format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase())).collect();
    let of = if output == Path::new("spin.toml") { String::new() } else { format!(" -f {}", output.display()) };
    say!("set {}, then run `spin build{of} --up`", variables.join(", "));
}
