//! What a guest built for WASI 0.2 imports to start: clocks, random numbers, standard error. The rest of WASI is there in name
//! and traps when called. There is no file system, no network and no environment behind any of it.

use std::collections::BTreeSet;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rand::Rng;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentType, Lift, Linker, Lower, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut, bail};

use super::call::Guest;
use crate::limits::STDERR_BYTES;

/// The most random bytes of one request; WASI's own clients ask for 32 at a time.
const RANDOM_BYTES: u64 = 64 * 1024;

/// What a guest wrote to its standard error or output.
#[derive(Default)]
pub(super) struct Stderr(Vec<u8>);

impl Stderr {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    fn write(&mut self, bytes: &[u8]) {
        let room = STDERR_BYTES - self.0.len().min(STDERR_BYTES);
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

struct OutputStream;
struct InputStream;
struct IoError;
struct Pollable;
struct Terminal;
struct Descriptor;

#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[allow(dead_code)]
    LastOperationFailed(Resource<IoError>),
    #[component(name = "closed")]
    Closed,
}

#[derive(ComponentType, Lift, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

type Context<'c> = StoreContextMut<'c, Guest>;

/// Defines it all, in the very versions of WASI 0.2 that a component imports: of any other one, compatible or not, the linker
/// would take what is there for unknown.
pub(super) fn link(linker: &mut Linker<Guest>, component: &Component) -> Result<()> {
    let engine = linker.engine().clone();
    let of_component = component.component_type();
    let versions: BTreeSet<&str> = of_component
        .imports(&engine)
        .filter_map(|(name, _)| name.strip_prefix("wasi:")?.split_once('@').map(|(_, version)| version))
        .collect();
    versions.into_iter().try_for_each(|version| link_version(linker, version))?;
    for (name, import) in of_component.imports(&engine).filter(|(name, _)| name.starts_with("wasi:")) {
        let ComponentItem::ComponentInstance(interface) = import.ty else { continue };
        let mut instance = linker.instance(name)?;
        for (name, export) in interface.exports(&engine) {
            if let (ComponentItem::Resource(_), Some(resource)) = (export.ty, resource(name)) {
                instance.resource(name, resource, |_, _| Ok(()))?;
            }
        }
    }
    Ok(())
}

/// The resources that functions here speak of. They stand in every interface that uses them, not only in their own.
fn resource(name: &str) -> Option<ResourceType> {
    Some(match name {
        "error" => ResourceType::host::<IoError>(),
        "pollable" => ResourceType::host::<Pollable>(),
        "input-stream" => ResourceType::host::<InputStream>(),
        "output-stream" => ResourceType::host::<OutputStream>(),
        "terminal-input" | "terminal-output" => ResourceType::host::<Terminal>(),
        "descriptor" => ResourceType::host::<Descriptor>(),
        _ => return None,
    })
}

fn link_version(linker: &mut Linker<Guest>, version: &str) -> Result<()> {
    link_streams(linker, version)?;
    link_poll(linker, version)?;
    link_cli(linker, version)?;
    link_clocks(linker, version)?;
    link_random(linker, version)?;
    let mut preopens = linker.instance(&format!("wasi:filesystem/preopens@{version}"))?;
    preopens.func_wrap("get-directories", |_: Context<'_>, (): ()| Ok((Vec::<(Resource<Descriptor>, String)>::new(),)))
}

fn link_streams(linker: &mut Linker<Guest>, version: &str) -> Result<()> {
    let mut streams = linker.instance(&format!("wasi:io/streams@{version}"))?;
    streams.func_wrap("[method]output-stream.check-write", |_: Context<'_>, (_,): (Resource<OutputStream>,)| {
        Ok((Ok::<_, StreamError>(STDERR_BYTES as u64),))
    })?;
    for write in ["write", "blocking-write-and-flush"] {
        streams.func_wrap(
            &format!("[method]output-stream.{write}"),
            |mut context: Context<'_>, (_, bytes): (Resource<OutputStream>, Vec<u8>)| {
                context.data_mut().stderr.write(&bytes);
                Ok((Ok::<_, StreamError>(()),))
            },
        )?;
    }
    for flush in ["flush", "blocking-flush"] {
        streams.func_wrap(
            &format!("[method]output-stream.{flush}"),
            |_: Context<'_>, (_,): (Resource<OutputStream>,)| Ok((Ok::<_, StreamError>(()),)),
        )?;
    }
    // Standard error takes everything at once and standard input has ended, so there is never anything to wait for.
    streams.func_wrap("[method]output-stream.subscribe", |_: Context<'_>, (_,): (Resource<OutputStream>,)| {
        Ok((Resource::<Pollable>::new_own(0),))
    })?;
    streams.func_wrap("[method]input-stream.subscribe", |_: Context<'_>, (_,): (Resource<InputStream>,)| {
        Ok((Resource::<Pollable>::new_own(0),))
    })?;
    for read in ["read", "blocking-read"] {
        streams.func_wrap(
            &format!("[method]input-stream.{read}"),
            |_: Context<'_>, (_, _): (Resource<InputStream>, u64)| Ok((Err::<Vec<u8>, _>(StreamError::Closed),)),
        )?;
    }
    Ok(())
}

fn link_poll(linker: &mut Linker<Guest>, version: &str) -> Result<()> {
    let mut poll = linker.instance(&format!("wasi:io/poll@{version}"))?;
    poll.func_wrap("[method]pollable.ready", |_: Context<'_>, (_,): (Resource<Pollable>,)| Ok((true,)))?;
    poll.func_wrap("[method]pollable.block", |_: Context<'_>, (_,): (Resource<Pollable>,)| Ok(()))?;
    poll.func_wrap("poll", |_: Context<'_>, (pollables,): (Vec<Resource<Pollable>>,)| {
        Ok(((0..).take(pollables.len()).collect::<Vec<u32>>(),))
    })
}

fn link_cli(linker: &mut Linker<Guest>, version: &str) -> Result<()> {
    let mut environment = linker.instance(&format!("wasi:cli/environment@{version}"))?;
    environment.func_wrap("get-environment", |_: Context<'_>, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
    environment.func_wrap("get-arguments", |_: Context<'_>, (): ()| Ok((Vec::<String>::new(),)))?;
    environment.func_wrap("initial-cwd", |_: Context<'_>, (): ()| Ok((None::<String>,)))?;
    linker
        .instance(&format!("wasi:cli/exit@{version}"))?
        .func_wrap("exit", |_: Context<'_>, (_,): (Result<(), ()>,)| -> Result<()> { bail!("it called exit") })?;
    linker
        .instance(&format!("wasi:cli/stdin@{version}"))?
        .func_wrap("get-stdin", |_: Context<'_>, (): ()| Ok((Resource::<InputStream>::new_own(0),)))?;
    for name in ["stdout", "stderr"] {
        linker
            .instance(&format!("wasi:cli/{name}@{version}"))?
            .func_wrap(&format!("get-{name}"), |_: Context<'_>, (): ()| Ok((Resource::<OutputStream>::new_own(0),)))?;
    }
    for name in ["stdin", "stdout", "stderr"] {
        linker
            .instance(&format!("wasi:cli/terminal-{name}@{version}"))?
            .func_wrap(&format!("get-terminal-{name}"), |_: Context<'_>, (): ()| Ok((None::<Resource<Terminal>>,)))?;
    }
    Ok(())
}

fn link_clocks(linker: &mut Linker<Guest>, version: &str) -> Result<()> {
    let started = Instant::now();
    let mut monotonic = linker.instance(&format!("wasi:clocks/monotonic-clock@{version}"))?;
    monotonic.func_wrap("now", move |_: Context<'_>, (): ()| {
        Ok((u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),))
    })?;
    monotonic.func_wrap("resolution", |_: Context<'_>, (): ()| Ok((1u64,)))?;
    let mut wall = linker.instance(&format!("wasi:clocks/wall-clock@{version}"))?;
    wall.func_wrap("now", |_: Context<'_>, (): ()| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok((Datetime { seconds: now.as_secs(), nanoseconds: now.subsec_nanos() },))
    })?;
    wall.func_wrap("resolution", |_: Context<'_>, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 1 },)))
}

fn link_random(linker: &mut Linker<Guest>, version: &str) -> Result<()> {
    for (instance, prefix) in [("random", "get-random"), ("insecure", "get-insecure-random")] {
        let mut random = linker.instance(&format!("wasi:random/{instance}@{version}"))?;
        random.func_wrap(&format!("{prefix}-bytes"), |_: Context<'_>, (length,): (u64,)| {
            if length > RANDOM_BYTES {
                bail!("it asked for {length} random bytes, and {RANDOM_BYTES} are the most");
            }
            let mut bytes = vec![0; usize::try_from(length)?];
            rand::rng().fill_bytes(&mut bytes);
            Ok((bytes,))
        })?;
        random.func_wrap(&format!("{prefix}-u64"), |_: Context<'_>, (): ()| Ok((rand::rng().next_u64(),)))?;
    }
    linker
        .instance(&format!("wasi:random/insecure-seed@{version}"))?
        .func_wrap("insecure-seed", |_: Context<'_>, (): ()| Ok(((rand::rng().next_u64(), rand::rng().next_u64()),)))
}
