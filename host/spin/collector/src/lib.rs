//! The collector on Spin: events in, an answer out once they are in the key-value store, then each tag over service chaining.
//!
//! On `wasi:http` 0.3: an instance serves many requests, some at once, and goes on after an answer until the tags have been called.
//! Where it is ended before, the events are in the store, and `/tagyard/drain` takes them up.

mod answer;
mod app;
mod call;
mod collect;
mod decide;
mod drain;
mod ended;
mod held;
mod letters;
mod operate;
mod record;
mod room;
mod run;
mod said;
mod seen;
mod store;
mod tag;

use std::rc::Rc;

use http::Method;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;

use answer::Reply;
use app::App;

#[http_service]
async fn handle(request: Request) -> impl IntoResponse {
    match app::get().await {
        Ok(app) => {
            let cors = app.cors.clone();
            answer::send(answer::with_cors(cors, request, async |request| route(&app, request).await).await)
        }
        Err(problem) => {
            said::problem(&format!("the collector is not configured: {problem}"));
            answer::send(answer::not_configured())
        }
    }
}

async fn route(app: &Rc<App>, request: Request) -> Reply {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/healthz") => answer::text("ok\n"),
        (&Method::GET, "/readyz") => operate::ready(app).await,
        (_, path) if path.starts_with(operate::PATHS) => match operate::answer(app, &request).await {
            Some(reply) => reply,
            // Whoever has no token is told what everybody is told.
            None => collect::answer(app, request).await,
        },
        _ => collect::answer(app, request).await,
    }
}
