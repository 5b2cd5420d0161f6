//! What is held about a person: removing it, and the links between ids.

use std::error::Error;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::{Facts, history};
use crate::person::{self, Asked, Ids};

pub(super) async fn forget(State(facts): State<Arc<Facts>>, Json(asked): Json<Asked>) -> Response {
    match person::forget(history::logs(&facts), &facts.links, Some(&facts.reloader), &asked).await {
        Ok(done) => Json(done).into_response(),
        Err(error) => refused(&error),
    }
}

/// The identity links of some ids, for an export.
pub(super) async fn links(State(facts): State<Arc<Facts>>, Json(ids): Json<Ids>) -> Response {
    match facts.links.of(ids.linked()).await {
        Ok(links) => Json(links).into_response(),
        Err(error) => refused(&error),
    }
}

fn refused(error: &dyn Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
}
