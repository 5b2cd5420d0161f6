//! How the host and its tags are doing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Facts;
use super::vendors::{Vendor, vendors};
use crate::journal::{Journal, ReadLimit};
use crate::live::FailedReload;
use crate::outcomes::Progress;

#[derive(Debug, Deserialize, Serialize)]
pub struct Status {
    pub container: String,
    pub loaded_at: Timestamp,
    /// Why the last changed container was not taken, if it was not.
    pub failed_reload: Option<FailedReload>,
    /// The journal's first and last event, and its bytes on disk.
    pub oldest: u64,
    pub newest: u64,
    pub bytes: u64,
    /// How many bytes of it may be events with which every tag is done, and how many it may have at all; absent for no limit.
    pub keep_bytes: u64,
    pub max_bytes: Option<u64>,
    /// Why nothing can be accepted at the moment.
    pub fault: Option<String>,
    pub tags: Vec<TagStatus>,
}

#[derive(Debug, Deserialize, Serialize)]
pub struct TagStatus {
    pub tag: String,
    /// How far it is behind: events that have no outcome yet, and how long ago the first of them was accepted.
    pub lag_events: u64,
    pub lag_seconds: u64,
    /// Of those, the ones that it has not come to yet, and the ones that are in work or wait, for their user's earlier one too.
    pub unread: u64,
    pub unfinished: u64,
    /// Of those in work, the ones whose request failed and waits for its next attempt.
    pub retrying: u64,
    /// Events that are run again because a person asked for it, and have no further outcome yet. They are no lag.
    pub again: u64,
    /// Outcomes since the host started.
    pub delivered: u64,
    pub skipped: u64,
    pub blocked_by_consent: u64,
    pub not_triggered: u64,
    pub dead: u64,
    /// The hosts that it sends to, those that are not well first.
    pub vendors: Vec<Vendor>,
}

impl Facts {
    /// How the host and its tags are doing now.
    pub async fn status(&self) -> Status {
        let in_force = self.live.in_force();
        let stats = self.journal.log().stats();
        let hosts = self.network.hosts();
        let mut tags = Vec::new();
        for progress in self.recorder.progress() {
            // Between a reload's steps one or the other is not there yet.
            let Some(tag) = in_force.tags.iter().find(|tag| tag.name == progress.tag) else { continue };
            let unread = (stats.durable + 1).saturating_sub(progress.next);
            tags.push(TagStatus {
                lag_events: unread + progress.unfinished,
                lag_seconds: self.lag_seconds(&progress).await,
                unread,
                unfinished: progress.unfinished,
                retrying: tag.wire.retrying() as u64,
                again: progress.again,
                delivered: progress.counts.delivered,
                skipped: progress.counts.skipped,
                blocked_by_consent: progress.counts.blocked_by_consent,
                not_triggered: progress.counts.not_triggered,
                dead: progress.counts.dead,
                vendors: vendors(tag.plan.grant(), &hosts),
                tag: progress.tag,
            });
        }
        let full = stats.is_full().then(|| "the journal is at its limit (`journal.max_mib`)".to_owned());
        Status {
            container: in_force.container.clone(),
            loaded_at: in_force.loaded_at,
            failed_reload: self.live.failed(),
            oldest: stats.oldest,
            newest: stats.durable,
            bytes: stats.bytes,
            keep_bytes: in_force.keep.bytes,
            max_bytes: stats.max_bytes,
            fault: stats.fault.map(|fault| fault.to_string()).or(full),
            tags,
        }
    }

    /// How long ago the first event without an outcome was accepted.
    async fn lag_seconds(&self, progress: &Progress) -> u64 {
        let first = self.journal.read_from(progress.low, ReadLimit { records: 1, bytes: 1 }).await;
        let accepted_ms = first.ok().and_then(|records| records.first().map(|record| record.received_at_ms));
        let lag_ms = accepted_ms.map_or(0, |at| Timestamp::now().as_millisecond().saturating_sub(at));
        u64::try_from(lag_ms / 1_000).unwrap_or_default()
    }
}

pub(super) async fn show(State(facts): State<Arc<Facts>>) -> Json<Status> {
    Json(facts.status().await)
}
