//! Serves an application: the public route from a socket, private ones from their siblings.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable};
use wasmtime::error::Context as _;
use wasmtime::{Config, Engine, Result, Store, StoreContextMut};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::cli::OutputFile;
use wasmtime_wasi_http::handler::{
    HandlerState, Instance, ProxyHandler, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
};
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpCtx, WasiHttpView};

use crate::allowed::Allowed;
use crate::compose::compose;
use crate::guest::{Connections, Guest, Outbound, at, bindings, whole};
use crate::key_value::{HasStores, Stores};
use crate::manifest;
use crate::variables::HasVariables;

/// As Spin has it for `wasi:http` 0.3. A component of 0.2 gets a fresh instance for each request.
const REUSED: usize = 128;
const AT_ONCE: usize = 16;
const IDLE: Duration = Duration::from_secs(1);

/// The address of a sibling, in Spin's words.
const NO_ADDRESS: &str = "0.0.0.0:0";

/// A running application.
pub(crate) struct Application {
    components: BTreeMap<String, ProxyHandler<Hosted>>,
    public: String,
}

/// Reads, compiles and serves, until the process is ended.
pub(crate) async fn up(
    application: manifest::Application,
    listen: SocketAddr,
    state: &Path,
    logs: &Path,
) -> Result<()> {
    std::fs::create_dir_all(state)?;
    std::fs::create_dir_all(logs)?;
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config)?;
    let linker = linker(&engine)?;
    let connections = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
    let mut hosted = Vec::new();
    for (id, component) in application.components {
        let bytes = compose(&id, &component)?;
        let compiled = compiled(&engine, &bytes).with_context(|| format!("the component `{id}`"))?;
        let pre = linker.instantiate_pre(&compiled).with_context(|| format!("the component `{id}`"))?;
        let allowed = component.allowed_outbound_hosts.iter().map(|host| Allowed::parse(host));
        hosted.push(Hosted {
            pre,
            allowed: allowed.collect::<Result<_>>()?,
            variables: Arc::new(component.variables),
            stores: Stores::new(state, &component.key_value_stores),
            connections: connections.clone(),
            log: logs.join(format!("{id}_stdout.txt")),
            errors: logs.join(format!("{id}_stderr.txt")),
            application: Weak::new(),
            id,
        });
    }
    let public = application.public;
    let application = Arc::new_cyclic(|weak: &Weak<Application>| {
        let handler = |hosted: Hosted| {
            let id = hosted.id.clone();
            (id, ProxyHandler::new(Hosted { application: weak.clone(), ..hosted }))
        };
        Application { components: hosted.into_iter().map(handler).collect(), public }
    });
    let listener = TcpListener::bind(listen).await?;
    println!("Serving http://{}", listener.local_addr()?);
    loop {
        let (stream, peer) = listener.accept().await?;
        let application = application.clone();
        tokio::spawn(async move {
            let service = service_fn(|request: Request<hyper::body::Incoming>| {
                let application = application.clone();
                async move { Ok::<_, Infallible>(application.serve(request, peer).await) }
            });
            // A client that goes away in the middle is none of the application's business.
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Application {
    async fn serve(&self, request: Request<hyper::body::Incoming>, peer: SocketAddr) -> Response<WasiBody> {
        let mut request = request.map(|body| body.map_err(Error::from).boxed_unsync());
        let host = request.headers().get(http::header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        match at(host.as_deref().unwrap_or("localhost"), request.uri()) {
            Ok(uri) => *request.uri_mut() = uri,
            Err(_) => return failed(),
        }
        self.answer(&self.public, request, &peer.to_string()).await
    }

    /// A request of a sibling.
    pub(crate) async fn handle(&self, id: &str, request: Request<WasiBody>) -> Response<WasiBody> {
        self.answer(id, request, NO_ADDRESS).await
    }

    async fn answer(&self, id: &str, mut request: Request<WasiBody>, peer: &str) -> Response<WasiBody> {
        let Some(handler) = self.components.get(id) else { return failed() };
        if let Ok(peer) = HeaderValue::from_str(peer) {
            // After whatever the client says of itself.
            request.headers_mut().append("spin-client-addr", peer);
        }
        match handler.handle((), request).await {
            Ok(response) => response,
            Err(error) => {
                eprintln!("the component `{id}`: {error:?}");
                failed()
            }
        }
    }
}

/// What Spin answers for a component that broke off.
fn failed() -> Response<WasiBody> {
    let mut response = Response::new(whole(Bytes::new()));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

fn linker(engine: &Engine) -> Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    bindings::spin::key_value::key_value::add_to_linker::<_, HasStores>(&mut linker, |guest| guest)?;
    bindings::wasi::keyvalue::store::add_to_linker::<_, HasStores>(&mut linker, |guest| guest)?;
    bindings::wasi::keyvalue::atomics::add_to_linker::<_, HasStores>(&mut linker, |guest| guest)?;
    bindings::wasi::keyvalue::batch::add_to_linker::<_, HasStores>(&mut linker, |guest| guest)?;
    bindings::spin::variables::variables::add_to_linker::<_, HasVariables>(&mut linker, |guest| guest)?;
    bindings::fermyon::spin::variables::add_to_linker::<_, HasVariables>(&mut linker, |guest| guest)?;
    Ok(linker)
}

/// Compiled once for all tests.
#[expect(unsafe_code, reason = "the folder is this build's own")]
fn compiled(engine: &Engine, bytes: &[u8]) -> Result<Component> {
    let folder = std::env::current_exe()?.with_file_name("spin-compiled");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(hex::encode(Sha256::digest(bytes))).with_extension("cwasm");
    // SAFETY: nobody but this program writes there, and each file is whole: it is written under another name first.
    if let Ok(component) = unsafe { Component::deserialize_file(engine, &path) } {
        return Ok(component);
    }
    let component = Component::new(engine, bytes)?;
    let new = tempfile::NamedTempFile::new_in(&folder)?;
    std::fs::write(new.path(), component.serialize()?)?;
    new.persist(&path).map_err(|error| error.error)?;
    Ok(component)
}

/// One component of the application.
struct Hosted {
    id: String,
    pre: InstancePre<Guest>,
    allowed: Arc<[Allowed]>,
    variables: Arc<BTreeMap<String, String>>,
    stores: Stores,
    connections: Connections,
    log: PathBuf,
    errors: PathBuf,
    application: Weak<Application>,
}

impl HandlerState for Hosted {
    type StoreData = Guest;
    type WorkerExpiration = WhenIdle;
    type WorkerState = Reuse;

    async fn instantiate(&self) -> Result<Instance<Guest, WhenIdle, Reuse>> {
        let guest = Guest {
            wasi: WasiCtx::builder().stdout(output(&self.log)?).stderr(output(&self.errors)?).build(),
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            outbound: Outbound {
                application: self.application.clone(),
                allowed: self.allowed.clone(),
                connections: self.connections.clone(),
            },
            variables: self.variables.clone(),
            stores: self.stores.clone(),
        };
        let mut store = Store::new(self.pre.engine(), guest);
        let (pre, state) = match wasmtime_wasi_http::p3::bindings::ServicePre::new(self.pre.clone()) {
            Ok(pre) => (ProxyPre::P3(pre), Reuse { at_once: AT_ONCE, most: REUSED }),
            Err(_) => {
                let pre = wasmtime_wasi_http::p2::bindings::ProxyPre::new(self.pre.clone())?;
                (ProxyPre::P2(pre), Reuse { at_once: 1, most: 1 })
            }
        };
        let proxy = pre.instantiate_async(&mut store).await?;
        let expiration = WhenIdle(Box::pin(tokio::time::sleep(IDLE)));
        Ok(Instance { store, proxy, view: |guest| guest.http(), expiration, state })
    }
}

fn output(path: &Path) -> Result<OutputFile> {
    Ok(OutputFile::new(File::options().append(true).create(true).open(path)?))
}

/// How often an instance is used.
struct Reuse {
    at_once: usize,
    most: usize,
}

impl WorkerState for Reuse {
    type StoreData = Guest;
    type RequestData = ();

    fn should_accept_request(&self, now: usize, total: usize) -> ShouldAccept {
        match (total >= self.most, now >= self.at_once) {
            (true, _) => ShouldAccept::Never,
            (_, true) => ShouldAccept::No,
            _ => ShouldAccept::Yes,
        }
    }

    /// A request may take as long as it does, as in Spin by default.
    fn on_request_start(
        &self,
        _: StoreContextMut<'_, Guest>,
        (): (),
        _: wasmtime::component::GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        Box::pin(std::future::pending())
    }

    fn drop(&self, _: Store<Guest>, result: Result<()>) {
        if let Err(error) = result {
            eprintln!("worker failed: {error:?}");
        }
    }
}

/// An instance is let go when it has had nothing to do for a while.
struct WhenIdle(Pin<Box<tokio::time::Sleep>>);

impl WorkerExpiration for WhenIdle {
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>, status: WorkerStatus, start: Instant) -> Poll<()> {
        if status != WorkerStatus::Idle {
            return Poll::Pending;
        }
        let deadline = tokio::time::Instant::from_std(start + IDLE);
        if self.0.deadline() != deadline {
            self.0.as_mut().reset(deadline);
        }
        self.0.as_mut().poll(context)
    }
}
