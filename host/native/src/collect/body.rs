//! Reading a request's body, bounded in bytes and time.

use axum::body::Body;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tagyard_pipeline::refused::Refused;
use tagyard_pipeline::sources::MAX_BODY_BYTES;

use crate::limits::REQUEST_TIMEOUT;

#[expect(clippy::disallowed_methods, reason = "`Limited`")]
pub(crate) async fn read(body: Body) -> Result<Bytes, Refused> {
    let limited = Limited::new(body, MAX_BODY_BYTES);
    match tokio::time::timeout(REQUEST_TIMEOUT, limited.collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refused::too_long()),
        Ok(Err(_)) => Err(Refused::broken_body()),
        Err(_) => Err(Refused::new(
            StatusCode::REQUEST_TIMEOUT,
            "slow_body",
            format!("the body did not arrive within {} s", REQUEST_TIMEOUT.as_secs()),
        )),
    }
}
