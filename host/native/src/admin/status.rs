//! How the host and its tags are doing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Facts;
use crate::journal::{Journal, ReadLimit};

#[derive(Debug, Deserialize, Serialize)]
pub struct Status {
    pub container: String,
    /// The journal's first and last event, and its bytes on disk.
    pub oldest: u64,
    pub newest: u64,
    pub bytes: u64,
    /// Why nothing can be accepted at the moment.
    pub fault: Option<String>,
    pub tags: Vec<TagStatus>,
}

#[derive(Debug, Deserialize, Serialize)]
pub struct TagStatus {
    pub tag: String,
    /// Events of the journal that it has not come to yet.
    pub unread: u64,
    /// Events that are in work or wait for another attempt.
    pub unfinished: u64,
    /// How long ago the first event without an outcome was accepted, in seconds.
    pub behind_seconds: u64,
    /// Outcomes since the host started.
    pub delivered: u64,
    pub skipped: u64,
    pub blocked_by_consent: u64,
    pub not_triggered: u64,
    pub dead: u64,
}

pub(super) async fn show(State(facts): State<Arc<Facts>>) -> Json<Status> {
    let stats = facts.journal.log().stats();
    let mut tags = Vec::new();
    for progress in facts.recorder.progress() {
        let first = facts.journal.read_from(progress.low, ReadLimit { records: 1, bytes: 1 }).await;
        let accepted_ms = first.ok().and_then(|records| records.first().map(|record| record.received_at_ms));
        let behind_ms = accepted_ms.map_or(0, |at| Timestamp::now().as_millisecond().saturating_sub(at));
        tags.push(TagStatus {
            tag: progress.tag,
            unread: (stats.durable + 1).saturating_sub(progress.next),
            unfinished: progress.unfinished,
            behind_seconds: u64::try_from(behind_ms / 1_000).unwrap_or_default(),
            delivered: progress.counts.delivered,
            skipped: progress.counts.skipped,
            blocked_by_consent: progress.counts.blocked_by_consent,
            not_triggered: progress.counts.not_triggered,
            dead: progress.counts.dead,
        });
    }
    Json(Status {
        container: facts.container.clone(),
        oldest: stats.oldest,
        newest: stats.durable,
        bytes: stats.bytes,
        fault: stats.fault.map(|fault| fault.to_string()),
        tags,
    })
}
