//! What the host keeps beside one instance of a component.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use url::Url;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

use crate::allowed::Allowed;
use crate::key_value::Stores;
use crate::serve::Application;

#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod bindings {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "tagyard:stand-in/spin",
        imports: {
            "fermyon:spin/variables.get": trappable,
            "spin:key-value/key-value.[drop]store": trappable,
            "wasi:keyvalue/store.open": trappable,
            "wasi:keyvalue/store.[drop]bucket": trappable,
            "wasi:keyvalue/store.[method]bucket.list-keys": trappable,
            "wasi:keyvalue/atomics.increment": trappable,
            "wasi:keyvalue/batch.set-many": trappable,
            "wasi:keyvalue/batch.delete-many": trappable,
            default: async | store | trappable,
        },
        with: {
            "spin:key-value/key-value.store": crate::key_value::Store,
            "wasi:keyvalue/store.bucket": crate::key_value::Store,
        },
    });
}

/// What Spin says to a component that reaches for a sibling.
const SIBLING: &str = ".spin.internal";

/// How long a request may take where the guest says nothing.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) type Connections = Client<HttpConnector, WasiBody>;

#[expect(unreachable_pub, reason = "the bindings name it")]
pub struct Guest {
    pub(crate) wasi: WasiCtx,
    pub(crate) http: WasiHttpCtx,
    pub(crate) table: ResourceTable,
    pub(crate) outbound: Outbound,
    pub(crate) variables: Arc<BTreeMap<String, String>>,
    pub(crate) stores: Stores,
}

/// How a guest reaches the network: only where its manifest says.
pub(crate) struct Outbound {
    pub(crate) application: Weak<Application>,
    pub(crate) allowed: Arc<[Allowed]>,
    pub(crate) connections: Connections,
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}

/// A response, and what becomes of the connection.
type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        let (application, allowed, connections) =
            (self.application.clone(), self.allowed.clone(), self.connections.clone());
        Box::new(async move {
            let url = Url::parse(&request.uri().to_string()).map_err(|_| Error::HttpRequestUriInvalid)?;
            if !allowed.iter().any(|allowed| allowed.allows(&url)) {
                return Err(Error::HttpRequestDenied);
            }
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            if let Some(id) = url.host_str().and_then(|host| host.strip_suffix(SIBLING)) {
                let application = application.upgrade().ok_or(Error::DestinationUnavailable)?;
                return Ok((application.handle(id, request).await, done));
            }
            Ok((send(&connections, request, options.unwrap_or_default()).await?, done))
        })
    }
}

/// Over plain HTTP, as nothing that a test sends to has a certificate. It follows no redirect.
async fn send(
    connections: &Connections,
    mut request: http::Request<WasiBody>,
    options: RequestOptions,
) -> Result<http::Response<WasiBody>, Error> {
    if request.uri().scheme_str() != Some("http") {
        return Err(Error::TlsProtocolError);
    }
    // The connection's own, as Spin has it.
    request.headers_mut().remove(http::header::HOST);
    let patience = options.first_byte_timeout.unwrap_or(PATIENCE);
    let response = tokio::time::timeout(patience, connections.request(request)).await;
    let response = response.map_err(|_| Error::ConnectionReadTimeout)?.map_err(|error| match error.is_connect() {
        true => Error::ConnectionRefused,
        false => Error::ConnectionTerminated,
    })?;
    Ok(response.map(|body| body.map_err(Error::from).boxed_unsync()))
}

/// A path below a host.
pub(crate) fn at(authority: &str, uri: &Uri) -> Result<Uri, http::Error> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Uri::builder().scheme("http").authority(authority).path_and_query(path).build()
}

pub(crate) fn whole(body: Bytes) -> WasiBody {
    UnsyncBoxBody::new(http_body_util::Full::new(body).map_err(|never| match never {}))
}
