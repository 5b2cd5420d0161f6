//! How the containers of a folder are doing, and the admin socket that tells it. Each container that is at work has a socket of its
//! own in its data directory; by this one a command has it put to work first.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::front::Front;
use super::member;
use crate::admin::Status;
use crate::live::FailedReload;

/// The containers of a folder.
#[derive(Debug, Deserialize, Serialize)]
pub struct FolderStatus {
    pub containers: Vec<MemberStatus>,
    /// Files of which no container is in force, and why, by their paths.
    pub refused_files: BTreeMap<PathBuf, String>,
}

/// One container of a folder.
#[derive(Debug, Deserialize, Serialize)]
pub struct MemberStatus {
    pub container: String,
    pub file: PathBuf,
    pub state: Doing,
    /// Why it could not be put to work, or why its changed file was not taken.
    pub failed: Option<FailedReload>,
    /// Of one that is at work.
    pub status: Option<Status>,
}

/// What a container is doing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    Working,
    /// Its logs are closed; the next request or command puts it to work.
    Resting,
    /// It could not be put to work.
    Failed,
    /// It is being put to work, or let go.
    Changing,
}

/// What the admin socket of a folder tells of.
pub(super) struct Told {
    pub(super) front: Arc<Front>,
    refused: Mutex<BTreeMap<PathBuf, String>>,
}

impl Told {
    pub(super) fn new(front: Arc<Front>) -> Self {
        Told { front, refused: Mutex::default() }
    }

    pub(super) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/status", get(show))
            .route("/wake/{container}", post(wake))
            .fallback(elsewhere)
            .with_state(self)
    }

    pub(super) fn set_refused(&self, refused: BTreeMap<PathBuf, String>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = refused;
    }
}

async fn show(State(told): State<Arc<Told>>) -> Json<FolderStatus> {
    let mut containers = Vec::new();
    for (member, _) in &told.front.table.load_full().members {
        let fault = member.fault();
        let (state, status) = match member.state().await {
            member::State::Working(status) => (Doing::Working, Some(*status)),
            member::State::Between => (Doing::Changing, None),
            member::State::Resting if fault.as_ref().is_some_and(|fault| fault.is_failure()) => (Doing::Failed, None),
            member::State::Resting => (Doing::Resting, None),
        };
        let failed = fault.map(|fault| fault.failed);
        containers.push(MemberStatus {
            container: member.name.clone(),
            file: member.claims().path.clone(),
            state,
            failed,
            status,
        });
    }
    let refused_files = told.refused.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Json(FolderStatus { containers, refused_files })
}

/// Answers once the container is at work, 404 where there is none of this name.
async fn wake(State(told): State<Arc<Told>>, Path(name): Path<String>) -> Response {
    let table = told.front.table.load_full();
    let Some((member, _)) = table.members.iter().find(|(member, _)| member.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match member.wake().await {
        Ok(()) => Json(()).into_response(),
        Err(why) => {
            let text = format!("the container {name} cannot be put to work: {why}");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

async fn elsewhere(State(told): State<Arc<Told>>) -> Response {
    let table = told.front.table.load_full();
    let first = table.members.first().map_or("NAME", |(member, _)| member.name.as_str());
    let text =
        format!("several containers are served from this data directory; name one's own, as in --data-dir DIR/{first}");
    (StatusCode::NOT_FOUND, text).into_response()
}
