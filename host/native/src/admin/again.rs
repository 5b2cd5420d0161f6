//! Running events again, and settling dead letters.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use super::Facts;
use crate::again::{self, AgainError, Selection, Span};

pub(super) async fn redrive(State(facts): State<Arc<Facts>>, Json(selection): Json<Selection>) -> Response {
    answer(again::redrive(&facts.letters, &facts.journal, &facts.recorder, selection).await)
}

pub(super) async fn drop_letters(State(facts): State<Arc<Facts>>, Json(selection): Json<Selection>) -> Response {
    answer(again::drop_letters(&facts.letters, selection).await)
}

pub(super) async fn replay(State(facts): State<Arc<Facts>>, Json(span): Json<Span>) -> Response {
    answer(again::replay(&facts.journal, &facts.recorder, span).await)
}

/// How each tag is doing with what it runs again.
pub(super) async fn reruns(State(facts): State<Arc<Facts>>) -> Response {
    Json(facts.recorder.reruns()).into_response()
}

fn answer(result: Result<impl Serialize, AgainError>) -> Response {
    match result {
        Ok(done) => Json(done).into_response(),
        Err(error @ AgainError::NoTag { .. }) => (StatusCode::NOT_FOUND, error.to_string()).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
