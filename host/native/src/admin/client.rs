//! Asking a running host.

use std::io;
use std::path::Path;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::Admin;

/// The longest answer that is read.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;

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
}

/// What the admin socket is asked with.
type Asked = Request<Full<Bytes>>;

/// Asks the host that runs on a data directory.
///
/// # Errors
/// When none runs there, or it does not answer.
pub async fn ask<T: DeserializeOwned>(data_dir: &Path, path_and_query: &str) -> Result<T, AskError> {
    exchange(data_dir, Request::get(path_and_query).body(Full::default())).await
}

/// Has the host that runs on a data directory do something.
///
/// # Errors
/// When none runs there, it does not answer, or it says why it cannot.
pub async fn tell<T: DeserializeOwned>(data_dir: &Path, path: &str, what: &impl Serialize) -> Result<T, AskError> {
    let body = serde_json::to_vec(what).map_err(|error| AskError::Answer(error.to_string()))?;
    let request = Request::post(path).header(CONTENT_TYPE, "application/json").body(Full::from(body));
    exchange(data_dir, request).await
}

async fn exchange<T: DeserializeOwned>(data_dir: &Path, request: http::Result<Asked>) -> Result<T, AskError> {
    let stream = UnixStream::connect(Admin::socket(data_dir)).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::NotRunning,
        _ => AskError::Connect(error),
    })?;
    let failed = |error: &dyn std::fmt::Display| AskError::Answer(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    // It ends with the sender; an error shows in the answer.
    tokio::spawn(connection);
    let mut request = request.map_err(|error| failed(&error))?;
    request.headers_mut().insert(HOST, HeaderValue::from_static("admin"));
    let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
    let status = response.status();
    #[expect(clippy::disallowed_methods, reason = "`Limited`")]
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| failed(&error))?
        .to_bytes();
    if !status.is_success() {
        return Err(AskError::Answer(String::from_utf8_lossy(&body).into_owned()));
    }
    serde_json::from_slice(&body).map_err(|error| failed(&error))
}
