//! Removing what is held about a person.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::{Facts, history};
use crate::person::{self, Asked};

pub(super) async fn forget(State(facts): State<Arc<Facts>>, Json(asked): Json<Asked>) -> Response {
    match person::forget(history::logs(&facts), Some(&facts.reloader), &asked).await {
        Ok(done) => Json(done).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
