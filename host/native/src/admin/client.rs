//! Asking a running host.

use std::io;
use std::path::Path;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::Admin;

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// The longest line of an answer that goes on: an event is 500 KB at most, and an outcome's reason far less.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No host runs on the data directory.
    #[error("no host runs on this data directory")]
    NotRunning,
    #[error("the host's admin socket cannot be opened: {0}")]
    Connect(io::Error),
    #[error("the host did not answer: {0}")]
    Answer(String),
    /// It answers that it cannot, and why.
    #[error("{0}")]
    Refused(String),
}

/// What the admin socket is asked with.
type Asked = Request<Full<Bytes>>;

/// Asks the host that runs on a data directory.
///
/// # Errors
/// When none runs there, or it does not answer.
pub async fn ask<T: DeserializeOwned>(data_dir: &Path, path_and_query: &str) -> Result<T, AskError> {
    serde_json::from_slice(&ask_bytes(data_dir, path_and_query).await?).map_err(|error| failed(&error))
}

/// The same for an answer that is no JSON.
///
/// # Errors
/// When no host runs there, or it does not answer.
pub async fn ask_bytes(data_dir: &Path, path_and_query: &str) -> Result<Bytes, AskError> {
    whole(send(data_dir, get(path_and_query)).await?).await
}

/// Has the host that runs on a data directory do something.
///
/// # Errors
/// When none runs there, it does not answer, or it says why it cannot.
pub async fn tell<T: DeserializeOwned>(data_dir: &Path, path: &str, what: &impl Serialize) -> Result<T, AskError> {
    let body = serde_json::to_vec(what).map_err(|error| failed(&error))?;
    let request = Request::post(path).header(CONTENT_TYPE, "application/json").body(Full::from(body));
    let answer = whole(send(data_dir, request).await?).await?;
    serde_json::from_slice(&answer).map_err(|error| failed(&error))
}

/// An answer that goes on, line by line.
pub struct Lines {
    body: Incoming,
    /// What came of the next lines, and how much of it is known to hold no end of a line.
    waiting: Vec<u8>,
    searched: usize,
}

impl Lines {
    /// Asks for one. When this returns, the host has begun to answer.
    ///
    /// # Errors
    /// When no host runs there, or it does not answer.
    pub async fn ask(data_dir: &Path, path_and_query: &str) -> Result<Self, AskError> {
        let response = send(data_dir, get(path_and_query)).await?;
        match response.status().is_success() {
            true => Ok(Lines { body: response.into_body(), waiting: Vec::new(), searched: 0 }),
            false => Err(whole(response).await.err().unwrap_or(AskError::NotRunning)),
        }
    }

    /// The next line; `None` when the host has ended the answer, as it does when it stops.
    ///
    /// # Errors
    /// When a line has no end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, AskError> {
        loop {
            if let Some(end) = self.waiting[self.searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.waiting.split_off(self.searched + end + 1);
                self.searched = 0;
                return Ok(Some(std::mem::replace(&mut self.waiting, rest)));
            }
            self.searched = self.waiting.len();
            if self.searched > MAX_LINE_BYTES {
                return Err(AskError::Answer("a line of its answer does not end".to_owned()));
            }
            // A connection that breaks off is a host that stopped, one way or another.
            let Some(Ok(frame)) = self.body.frame().await else { return Ok(None) };
            self.waiting.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
    }
}

fn get(path_and_query: &str) -> http::Result<Asked> {
    Request::get(path_and_query).body(Full::default())
}

async fn send(data_dir: &Path, request: http::Result<Asked>) -> Result<Response<Incoming>, AskError> {
    let stream = match connect(data_dir).await {
        Err(AskError::NotRunning) => {
            wake(data_dir).await?;
            connect(data_dir).await?
        }
        other => other?,
    };
    send_on(stream, request).await
}

/// Has the host of several containers put the one whose data directory this is to work.
async fn wake(data_dir: &Path) -> Result<(), AskError> {
    let name = data_dir.file_name().and_then(|name| name.to_str()).ok_or(AskError::NotRunning)?;
    let above = data_dir.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let stream = connect(above).await?;
    // What a container may be called needs no escape; whatever else it is, no container is called so.
    let request = Request::post(format!("/wake/{name}")).body(Full::default());
    let answer = send_on(stream, request).await?;
    match answer.status() {
        StatusCode::NOT_FOUND => Err(AskError::NotRunning),
        _ => whole(answer).await.map(drop),
    }
}

async fn connect(data_dir: &Path) -> Result<UnixStream, AskError> {
    UnixStream::connect(Admin::socket(data_dir)).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::NotRunning,
        _ => AskError::Connect(error),
    })
}

async fn send_on(stream: UnixStream, request: http::Result<Asked>) -> Result<Response<Incoming>, AskError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    // It ends with the answer; an error shows there.
    tokio::spawn(connection);
    let mut request = request.map_err(|error| failed(&error))?;
    request.headers_mut().insert(HOST, HeaderValue::from_static("admin"));
    sender.send_request(request).await.map_err(|error| failed(&error))
}

async fn whole(response: Response<Incoming>) -> Result<Bytes, AskError> {
    let status = response.status();
    #[expect(clippy::disallowed_methods, reason = "`Limited`")]
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| failed(&error))?
        .to_bytes();
    match status.is_success() {
        true => Ok(body),
        false => Err(AskError::Refused(String::from_utf8_lossy(&body).into_owned())),
    }
}

fn failed(error: &dyn std::fmt::Display) -> AskError {
    AskError::Answer(error.to_string())
}
