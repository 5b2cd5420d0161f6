//! One call of a tag, over Spin's local service chaining.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use spin_sdk::time::sleep;
use tagyard_pipeline::remote::{Item, Reply};

use crate::app::App;
use crate::decide::Todo;
use crate::tag::Tag;

/// The longest reply: an end for each event of a batch, with the request that failed and its answer.
const MAX_REPLY_BYTES: usize = 32 * 1024 * 1024;

/// What a call may take besides its requests.
const MARGIN: Duration = Duration::from_secs(5);

/// How long a call may take: its last request may set out when the first has run into its time limit.
pub(crate) fn longest(app: &App) -> Duration {
    2 * app.timeout + MARGIN
}

/// Calls a tag with some events. Where there is no reply, the text says why.
pub(crate) async fn call(app: &App, tag: &Tag, todo: &[Todo]) -> Result<Reply, String> {
    let mut users: Vec<u64> = Vec::new();
    let items = todo.iter().map(|todo| {
        let user = users.iter().position(|user| *user == todo.user).unwrap_or_else(|| {
            users.push(todo.user);
            users.len() - 1
        });
        let user = u32::try_from(user).unwrap_or_default();
        let done = [&todo.past.delivered[..], &todo.past.refused].concat();
        Item { event: todo.redacted.as_str().to_owned(), user, done }
    });
    let call = tag.call(items.collect());
    let body = serde_json::to_vec(&call).map_err(|error| error.to_string())?;
    let request = Request::post(&tag.url).body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
    match select(Box::pin(replied(request)), Box::pin(sleep(longest(app)))).await {
        Either::Left((reply, _)) => reply,
        Either::Right(_) => Err(format!("its component gave no reply within {} s", longest(app).as_secs())),
    }
}

async fn replied(request: Request<Full<Bytes>>) -> Result<Reply, String> {
    let response = spin_sdk::http::send(request).await.map_err(|error| {
        format!(
            "its component could not be called, or broke off: {}",
            error.to_string().lines().next().unwrap_or_default()
        )
    })?;
    let (parts, body) = response.into_parts();
    let broken = || {
        format!(
            "its component answered {}: it broke off, or used up the instructions or the memory that it may have",
            parts.status
        )
    };
    #[expect(clippy::disallowed_methods, reason = "`Limited`")]
    let body = Limited::new(body, MAX_REPLY_BYTES).collect().await.map_err(|_| broken())?.to_bytes();
    if parts.status != StatusCode::OK {
        return Err(broken());
    }
    serde_json::from_slice(&body).map_err(|error| format!("its component's reply cannot be read: {error}"))
}
