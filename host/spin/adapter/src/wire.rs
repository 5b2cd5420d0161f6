//! One request on the wire: `wasi:http` 0.2. It never follows a redirect. Where it may go the component's `allowed_outbound_hosts` say a
//! second time.

use std::time::{Duration, Instant, SystemTime};

use http::Method as HttpMethod;
use http::header::{CONTENT_LENGTH, USER_AGENT};
use tagyard_pipeline::permit::AGENT;
use tagyard_pipeline::retry::{ANSWER_BYTES, Answer};
use tagyard_pipeline::secrets::Sealed;
use url::{Position, Url};
use wasip2::clocks::monotonic_clock::subscribe_duration;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions,
    Scheme,
};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::OutputStream;

use crate::answer;
use crate::secrets::variable;

/// The longest a vendor may take to accept a connection. A host that does not answer at all is told from a slow one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is asked for at once.
const READ_BYTES: u64 = 16 * 1024;

/// Where requests go instead of to the vendors, for a try: the component's variable `divert`.
pub(crate) struct Divert(Url);

/// A request that was begun, until its answer is read.
pub(crate) struct OnTheWire {
    response: FutureIncomingResponse,
    deadline: Instant,
    timeout: Duration,
}

/// Why there is no answer.
pub(crate) enum Undone {
    Again(String),
    Finally(String),
}

impl Divert {
    /// Reads the variable; `None` where there is none.
    pub(crate) fn read() -> Result<Option<Self>, String> {
        let Some(text) = variable("divert") else { return Ok(None) };
        let problem = "the variable `divert` is `http://HOST:PORT` or `https://HOST:PORT`";
        let url = Url::parse(&text).map_err(|_| problem.to_owned())?;
        let is_origin = matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none();
        if is_origin { Ok(Some(Divert(url))) } else { Err(problem.to_owned()) }
    }
}

impl OnTheWire {
    pub(crate) fn send(sealed: Sealed, divert: Option<&Divert>, timeout: Duration) -> Result<Self, Undone> {
        let request = request(&sealed, divert)?;
        let content = request.body().map_err(|()| finally("its body cannot be sent"))?;
        let content = Content::begin(content, &sealed.body)?;
        let options = RequestOptions::new();
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).ok();
        // One that a host does not know is no reason not to send: the deadline below holds in any case.
        let _ = options.set_connect_timeout(nanos(CONNECT_TIMEOUT.min(timeout)));
        let _ = options.set_first_byte_timeout(nanos(timeout));
        let deadline = Instant::now() + timeout;
        let response = outgoing_handler::handle(request, Some(options)).map_err(|error| undone(&error))?;
        content.end();
        Ok(OnTheWire { response, deadline, timeout })
    }

    /// Waits for the answer, and reads as much of it as is kept. A body that breaks off, or does not end, counts as read: the status has
    /// said what matters, and to send again what was accepted would make it arrive twice.
    pub(crate) fn answer(self, mask: impl Fn(String) -> String) -> Result<Answer, Undone> {
        if !is_ready(&self.response.subscribe(), self.deadline) {
            return Err(Undone::Again(format!("no answer within {} s", self.timeout.as_secs())));
        }
        let response = match self.response.get() {
            Some(Ok(Ok(response))) => response,
            Some(Ok(Err(error))) => return Err(undone(&error)),
            Some(Err(())) | None => return Err(Undone::Again("the connection to the vendor broke off".to_owned())),
        };
        let retry_after = response.headers().get("retry-after").into_iter().next();
        let retry_after = retry_after.as_deref().and_then(|value| std::str::from_utf8(value).ok());
        let body = beginning(&response, self.deadline);
        Ok(Answer::new(response.status(), retry_after, &body, SystemTime::now(), mask))
    }
}

/// A request's body, of which as much as there is room for is written before the request sets out, so that it goes in one piece with the
/// head. Otherwise the head goes alone, and Spin's connections hold back what follows until the vendor's system has acknowledged it, which
/// it takes 40 ms for.
struct Content<'b> {
    body: OutgoingBody,
    stream: OutputStream,
    rest: &'b [u8],
}

impl<'b> Content<'b> {
    fn begin(body: OutgoingBody, bytes: &'b [u8]) -> Result<Self, Undone> {
        let stream = body.write().map_err(|()| finally("its body cannot be sent"))?;
        let room = stream.check_write().unwrap_or_default();
        let (first, rest) = bytes.split_at(bytes.len().min(usize::try_from(room).unwrap_or_default()));
        // What does not go now does not go later either, and the answer says why.
        let _ = stream.write(first);
        Ok(Content { body, stream, rest })
    }

    fn end(self) {
        answer::write(self.stream, self.body, self.rest);
    }
}

/// A body up to [`ANSWER_BYTES`], or what had come of it when it broke off.
fn beginning(response: &IncomingResponse, deadline: Instant) -> Vec<u8> {
    let mut read = Vec::new();
    let Ok(body) = response.consume() else { return read };
    let Ok(stream) = body.stream() else { return read };
    while read.len() < ANSWER_BYTES && is_ready(&stream.subscribe(), deadline) {
        match stream.read(READ_BYTES) {
            Ok(chunk) => read.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES - read.len())]),
            Err(_) => break,
        }
    }
    read
}

/// Waits for something until a deadline; whether it came in time.
fn is_ready(what: &Pollable, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now());
    let timer = subscribe_duration(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX));
    poll(&[what, &timer]).contains(&0)
}

fn request(sealed: &Sealed, divert: Option<&Divert>) -> Result<OutgoingRequest, Undone> {
    let vendor = &sealed.url[Position::BeforeHost..Position::AfterPort];
    let mut headers: Vec<(String, Vec<u8>)> =
        sealed.headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value.into_bytes()));
    if !sealed.headers.contains_key(USER_AGENT) {
        add(USER_AGENT.as_str(), AGENT.to_owned());
    }
    if !sealed.body.is_empty() || !matches!(sealed.method, HttpMethod::GET | HttpMethod::DELETE) {
        // Else it would go in chunks, which some vendors do not take.
        add(CONTENT_LENGTH.as_str(), sealed.body.len().to_string());
    }
    if divert.is_some() {
        add("forwarded", format!("host=\"{vendor}\""));
    }
    let fields = Fields::from_list(&headers).map_err(|_| finally("a header of it cannot be sent"))?;
    let to = divert.map_or(&sealed.url, |divert| &divert.0);
    let path = &sealed.url[Position::BeforePath..Position::AfterQuery];
    let authority = &to[Position::BeforeHost..Position::AfterPort];
    let scheme = if to.scheme() == "http" { Scheme::Http } else { Scheme::Https };
    let request = OutgoingRequest::new(fields);
    let set = || {
        request.set_method(&method(&sealed.method))?;
        request.set_scheme(Some(&scheme))?;
        request.set_authority(Some(authority))?;
        request.set_path_with_query(Some(path))
    };
    set().map_err(|()| finally("its URL cannot be sent to"))?;
    Ok(request)
}

fn method(method: &HttpMethod) -> Method {
    match *method {
        HttpMethod::GET => Method::Get,
        HttpMethod::PUT => Method::Put,
        HttpMethod::PATCH => Method::Patch,
        HttpMethod::DELETE => Method::Delete,
        _ => Method::Post,
    }
}

fn finally(reason: &str) -> Undone {
    Undone::Finally(reason.to_owned())
}

fn undone(error: &ErrorCode) -> Undone {
    let no_connection = |cause: &str| Undone::Again(format!("no connection to the vendor: {cause}"));
    match error {
        ErrorCode::HttpRequestDenied => {
            finally("Spin does not let this component send there: its `allowed_outbound_hosts` leave the host out")
        }
        ErrorCode::DestinationIpProhibited => finally("Spin does not let this component send to that address"),
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            no_connection("its host has no address")
        }
        ErrorCode::ConnectionRefused => no_connection("it was refused"),
        ErrorCode::ConnectionTimeout => no_connection("it did not come about in time"),
        ErrorCode::TlsProtocolError | ErrorCode::TlsCertificateError | ErrorCode::TlsAlertReceived(_) => {
            no_connection("TLS failed")
        }
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => no_connection("it is not reachable"),
        error => Undone::Again(format!("the connection to the vendor broke off: {}", named(error))),
    }
}

/// An error's name alone: what some carry may be the vendor's text.
fn named(error: &ErrorCode) -> String {
    let debug = format!("{error:?}");
    debug.rsplit("::").next().unwrap_or_default().chars().take_while(char::is_ascii_alphanumeric).collect()
}
