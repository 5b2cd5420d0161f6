//! The collector's request in, the answer out.

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::{OutputStream, StreamError};

/// The longest call: its events, of which there may be a MiB of JSON written as JSON strings, and a tag's settings.
const MAX_CALL_BYTES: usize = 4 * 1024 * 1024;

/// How much is asked for, and given, at once.
const CHUNK_BYTES: usize = 4096;

/// Reads a request's body, up to a limit.
pub(crate) fn read(request: &IncomingRequest) -> Result<Vec<u8>, &'static str> {
    let body = request.consume().map_err(|()| "the call has been read already")?;
    let stream = body.stream().map_err(|()| "the call has been read already")?;
    let mut read = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(chunk) if read.len() + chunk.len() > MAX_CALL_BYTES => return Err("the call is too long"),
            Ok(chunk) => read.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(read),
            Err(StreamError::LastOperationFailed(_)) => return Err("the call broke off"),
        }
    }
}

/// Answers. Whoever does not wait for it any more is not told.
pub(crate) fn give(out: ResponseOutparam, status: u16, body: &[u8]) {
    let length = body.len().to_string().into_bytes();
    let headers = Fields::from_list(&[("content-length".to_owned(), length)]).unwrap_or_else(|_| Fields::new());
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(status);
    let content = response.body();
    ResponseOutparam::set(out, Ok(response));
    if let Ok(content) = content
        && let Ok(stream) = content.write()
    {
        write(stream, content, body);
    }
}

/// Writes a body to its end; the other side may have gone.
pub(crate) fn write(stream: OutputStream, content: OutgoingBody, body: &[u8]) {
    let is_written = body.chunks(CHUNK_BYTES).all(|chunk| stream.blocking_write_and_flush(chunk).is_ok());
    drop(stream);
    if is_written {
        let _ = OutgoingBody::finish(content, None);
    }
}
