//! The operator's routes: open to whoever has the token, and not there for anybody else.

use std::collections::BTreeMap;

use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use serde_json::json;
use sha2::{Digest, Sha256};
use spin_sdk::http::Request;
use spin_sdk::key_value::Error;

use crate::answer::{self, Reply};
use crate::app::App;
use crate::drain;
use crate::letters::{self, Which};
use crate::store::Store;
use crate::{room, said};

/// What they begin with.
pub(crate) const PATHS: &str = "/tagyard/";

/// `None` for a request without the token.
pub(crate) async fn answer(app: &App, request: &Request) -> Option<Reply> {
    if !is_operators(app, request) {
        return None;
    }
    Some(operate(app, request).await.unwrap_or_else(|error| {
        said::problem(&format!("the store cannot be used: {error}"));
        answer::json(StatusCode::SERVICE_UNAVAILABLE, &json!({"code": "store", "message": error.to_string()}))
    }))
}

/// Whether events can be accepted.
pub(crate) async fn ready(app: &App) -> Reply {
    let has_room = async { room::has_room(app, &Store::open().await?, 1).await };
    match has_room.await {
        Ok(true) => answer::text("ready\n"),
        Ok(false) => unready("as many events wait as the store may hold\n"),
        Err(_) => unready("the key-value store cannot be used; the log says why\n"),
    }
}

async fn operate(app: &App, request: &Request) -> Result<Reply, Error> {
    let store = Store::open().await?;
    let which = which(request.uri().query().unwrap_or_default());
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/tagyard/drain") => Ok(ok(&drain::drain(app, &store).await?)),
        (&Method::GET, "/tagyard/status") => {
            let keys = store.keys()?;
            let (waiting, dead, seen) = (keys.events.len(), keys.letters.len(), keys.seen.len());
            Ok(ok(&json!({"container": app.name, "waiting": waiting, "dead_letters": dead, "remembered": seen})))
        }
        (&Method::GET, "/tagyard/dead") => Ok(ok(&letters::list(&store, &which).await?)),
        (&Method::POST, "/tagyard/dead/redrive") => Ok(ok(&letters::redrive(app, &store, &which).await?)),
        (&Method::DELETE, "/tagyard/dead") => match which.key {
            Some(key) if letters::forget(&store, &key).await? => Ok(ok(&json!({"forgotten": key}))),
            _ => Ok(wrong(StatusCode::NOT_FOUND, "there is no such letter; `?key=` names one, as the list has it")),
        },
        _ => Ok(wrong(
            StatusCode::NOT_FOUND,
            "there are POST /tagyard/drain, GET /tagyard/status, GET and DELETE /tagyard/dead, POST /tagyard/dead/redrive",
        )),
    }
}

/// Compared by their hashes: how long it takes tells nothing of the token.
fn is_operators(app: &App, request: &Request) -> bool {
    let Some(token) = &app.token else { return false };
    let shown = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer "));
    shown.is_some_and(|shown| Sha256::digest(shown.trim()) == Sha256::digest(token.trim()))
}

fn which(query: &str) -> Which {
    let mut values: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let mut value = |name: &str| values.remove(name).filter(|value| !value.is_empty());
    Which { tag: value("tag"), cause: value("cause"), key: value("key"), after: value("after") }
}

fn ok(body: &impl serde::Serialize) -> Reply {
    answer::json(StatusCode::OK, body)
}

fn wrong(status: StatusCode, message: &str) -> Reply {
    answer::json(status, &json!({"code": "unknown_path", "message": message}))
}

fn unready(text: &'static str) -> Reply {
    let mut reply = answer::text(text);
    *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    reply
}
