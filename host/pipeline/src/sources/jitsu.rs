//! Jitsu: `POST /api/s/{type}` from a site, `POST /api/s/s2s/{type}` from a backend.
//!
//! Segment's events, one a request. The write key stands in the header `X-Write-Key` as `id:secret`, or as a bearer token; in the
//! body it is masked. `write_keys` lists either the whole of it or the part before the colon.

use http::{HeaderMap, Method};
use serde_json::{Value, json};

use super::{Answer, Head, Incoming, Parsed, Refusal, Rules, Source, key, segment};
use crate::event::Kind;

/// The source `jitsu`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jitsu;

/// What a path asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Route {
    kind: Kind,
    from_backend: bool,
}

impl Route {
    fn of(method: &Method, path: &str) -> Option<Self> {
        let rest = path.strip_prefix("/api/s/").filter(|_| method == Method::POST)?;
        let name = rest.strip_prefix("s2s/").unwrap_or(rest);
        Some(Route { kind: Kind::from_name(name)?, from_backend: name != rest })
    }
}

impl Source for Jitsu {
    fn name(&self) -> &'static str {
        "jitsu"
    }

    fn takes(&self) -> &'static str {
        "POST /api/s/track, /api/s/s2s/track and their like (Jitsu)"
    }

    fn claims(&self, head: &Head<'_>, _: &Rules) -> bool {
        Route::of(head.method, head.path).is_some()
    }

    fn keys(&self, request: &Incoming<'_>) -> Vec<String> {
        of_header(request.headers).into_iter().chain(segment::keys_of_one(request)).collect()
    }

    fn parse(&self, request: &Incoming<'_>, rules: &Rules) -> Result<Parsed, Refusal> {
        let route = Route::of(request.method, request.path).ok_or_else(Refusal::unknown_path)?;
        let keys: Vec<Value> = of_header(request.headers).into_iter().map(Value::from).collect();
        let mut parsed = segment::one(request, rules, route.kind, &keys)?;
        for event in &mut parsed.events {
            let library = event.context().object("library");
            // Jitsu's one library runs in both places; a backend's address is not its visitor's.
            let in_node = library.and_then(|library| library.string("env")).as_deref() == Some("node");
            if route.from_backend || in_node {
                event.set_from_backend();
            }
        }
        Ok(Parsed { answer: Answer::Json(json!({"ok": true})), ..parsed })
    }
}

/// The keys of the headers, each as a whole and without its secret.
fn of_header(headers: &HeaderMap) -> Vec<String> {
    let header = headers.get("x-write-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
    let whole: Vec<String> = [header, key::bearer(headers)].into_iter().flatten().collect();
    let ids: Vec<String> = whole.iter().filter_map(|key| Some(key.split_once(':')?.0.to_owned())).collect();
    whole.into_iter().chain(ids).collect()
}
