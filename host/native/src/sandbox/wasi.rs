//! What a guest built for WASI 0.2 imports to start: clocks, random numbers, standard error. The rest of WASI is there in name
//! and traps when called. There is no file system, no network and no environment behind any of it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rand::Rng;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};
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

/// Defines it all. The linker takes a definition for every compatible version of WASI 0.2.
pub(super) fn link(linker: &mut Linker<Guest>) -> Result<()> {
    link_streams(linker)?;
    link_cli(linker)?;
    link_clocks(linker)?;
    link_random(linker)?;
    let mut types = linker.instance("wasi:filesystem/types@0.2.0")?;
    types.resource("descriptor", ResourceType::host::<Descriptor>(), |_, _| Ok(()))?;
    let mut preopens = linker.instance("wasi:filesystem/preopens@0.2.0")?;
    preopens.func_wrap("get-directories", |_: Context<'_>, (): ()| Ok((Vec::<(Resource<Descriptor>, String)>::new(),)))
}

fn link_streams(linker: &mut Linker<Guest>) -> Result<()> {
    linker.instance("wasi:io/error@0.2.0")?.resource("error", ResourceType::host::<IoError>(), |_, _| Ok(()))?;
    linker.instance("wasi:io/poll@0.2.0")?.resource("pollable", ResourceType::host::<Pollable>(), |_, _| Ok(()))?;
    let mut streams = linker.instance("wasi:io/streams@0.2.0")?;
    streams.resource("input-stream", ResourceType::host::<InputStream>(), |_, _| Ok(()))?;
    streams.resource("output-stream", ResourceType::host::<OutputStream>(), |_, _| Ok(()))?;
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
    for read in ["read", "blocking-read"] {
        streams.func_wrap(
            &format!("[method]input-stream.{read}"),
            |_: Context<'_>, (_, _): (Resource<InputStream>, u64)| Ok((Err::<Vec<u8>, _>(StreamError::Closed),)),
        )?;
    }
    Ok(())
}

fn link_cli(linker: &mut Linker<Guest>) -> Result<()> {
    let mut environment = linker.instance("wasi:cli/environment@0.2.0")?;
    environment.func_wrap("get-environment", |_: Context<'_>, (): ()| Ok((Vec::<(String, String)>::new(),)))?;
    environment.func_wrap("get-arguments", |_: Context<'_>, (): ()| Ok((Vec::<String>::new(),)))?;
    environment.func_wrap("initial-cwd", |_: Context<'_>, (): ()| Ok((None::<String>,)))?;
    linker
        .instance("wasi:cli/exit@0.2.0")?
        .func_wrap("exit", |_: Context<'_>, (_,): (Result<(), ()>,)| -> Result<()> { bail!("it called exit") })?;
    linker
        .instance("wasi:cli/stdin@0.2.0")?
        .func_wrap("get-stdin", |_: Context<'_>, (): ()| Ok((Resource::<InputStream>::new_own(0),)))?;
    for name in ["stdout", "stderr"] {
        linker
            .instance(&format!("wasi:cli/{name}@0.2.0"))?
            .func_wrap(&format!("get-{name}"), |_: Context<'_>, (): ()| Ok((Resource::<OutputStream>::new_own(0),)))?;
    }
    for kind in ["input", "output"] {
        linker.instance(&format!("wasi:cli/terminal-{kind}@0.2.0"))?.resource(
            &format!("terminal-{kind}"),
            ResourceType::host::<Terminal>(),
            |_, _| Ok(()),
        )?;
    }
    for name in ["stdin", "stdout", "stderr"] {
        linker
            .instance(&format!("wasi:cli/terminal-{name}@0.2.0"))?
            .func_wrap(&format!("get-terminal-{name}"), |_: Context<'_>, (): ()| Ok((None::<Resource<Terminal>>,)))?;
    }
    Ok(())
}

fn link_clocks(linker: &mut Linker<Guest>) -> Result<()> {
    let started = Instant::now();
    let mut monotonic = linker.instance("wasi:clocks/monotonic-clock@0.2.0")?;
    monotonic.func_wrap("now", move |_: Context<'_>, (): ()| {
        Ok((u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX),))
    })?;
    monotonic.func_wrap("resolution", |_: Context<'_>, (): ()| Ok((1u64,)))?;
    let mut wall = linker.instance("wasi:clocks/wall-clock@0.2.0")?;
    wall.func_wrap("now", |_: Context<'_>, (): ()| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok((Datetime { seconds: now.as_secs(), nanoseconds: now.subsec_nanos() },))
    })?;
    wall.func_wrap("resolution", |_: Context<'_>, (): ()| Ok((Datetime { seconds: 0, nanoseconds: 1 },)))
}

fn link_random(linker: &mut Linker<Guest>) -> Result<()> {
    for (instance, prefix) in [("random", "get-random"), ("insecure", "get-insecure-random")] {
        let mut random = linker.instance(&format!("wasi:random/{instance}@0.2.0"))?;
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
        .instance("wasi:random/insecure-seed@0.2.0")?
        .func_wrap("insecure-seed", |_: Context<'_>, (): ()| Ok(((rand::rng().next_u64(), rand::rng().next_u64()),)))
}
