//! Events and outcomes as they come, a line each, for whoever looks. A reader that is slower than the events is told how many it
//! missed; nothing is kept for it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use super::Facts;
use crate::history::{PastEvent, Unreadable};
use crate::journal::{Journal, ReadLimit};
use crate::outcomes::Recorded;

/// How far behind the newest event a reader may be before events are left out; those are still in memory.
const BEHIND: u64 = 1_024;

/// One line.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// An event was accepted.
    Event(Box<PastEvent>),
    /// An event ended for a tag.
    Outcome(Recorded),
    /// A record of the journal is none that this release reads.
    Unreadable(Unreadable),
    /// This many lines were left out, as the reader was too slow.
    Missed { lines: u64 },
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    tag: Option<String>,
}

pub(super) async fn follow(State(facts): State<Arc<Facts>>, Query(wanted): Query<Wanted>) -> Response {
    let outcomes = facts.recorder.watch();
    let durable = facts.journal.subscribe();
    let next = *durable.borrow() + 1;
    let tail = Tail { facts, outcomes, durable, next, tag: wanted.tag };
    let chunks = stream::unfold(tail, async |mut tail| Some((Ok::<_, Infallible>(tail.chunk().await?), tail)));
    Body::from_stream(chunks).into_response()
}

struct Tail {
    facts: Arc<Facts>,
    outcomes: broadcast::Receiver<Arc<Recorded>>,
    durable: watch::Receiver<u64>,
    /// The first event that was not shown.
    next: u64,
    /// Whose outcomes; `None`: every tag's.
    tag: Option<String>,
}

impl Tail {
    /// The next lines; `None` at the end.
    async fn chunk(&mut self) -> Option<Bytes> {
        let mut lines = Vec::new();
        while lines.is_empty() {
            if self.next <= *self.durable.borrow() {
                self.events(&mut lines).await;
                continue;
            }
            tokio::select! {
                changed = self.durable.changed() => changed.ok()?,
                received = self.outcomes.recv() => match received {
                    Ok(recorded) => self.outcome(&recorded, &mut lines).await,
                    Err(RecvError::Lagged(missed)) => push(&mut lines, &Line::Missed { lines: missed }),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
        Some(Bytes::from(lines))
    }

    async fn events(&mut self, lines: &mut Vec<u8>) {
        let newest = *self.durable.borrow();
        let behind = (newest + 1).saturating_sub(self.next);
        if behind > BEHIND {
            push(lines, &Line::Missed { lines: behind - BEHIND });
            self.next += behind - BEHIND;
        }
        let records = match self.facts.journal.read_from(self.next, ReadLimit::default()).await {
            Ok(records) => records,
            Err(error) => {
                tracing::warn!(%error, "the journal cannot be read for `events tail`");
                Vec::new()
            }
        };
        if records.is_empty() {
            self.next = newest + 1;
        }
        for record in records {
            self.next = record.position + 1;
            let line = match PastEvent::read(record.position, &record.payload) {
                Ok(event) => Line::Event(Box::new(event)),
                Err(unreadable) => Line::Unreadable(unreadable),
            };
            push(lines, &line);
        }
    }

    /// An outcome comes after its event.
    async fn outcome(&mut self, recorded: &Recorded, lines: &mut Vec<u8>) {
        while self.next <= recorded.position {
            self.events(lines).await;
        }
        if self.tag.as_ref().is_none_or(|tag| *tag == recorded.tag) {
            push(lines, &Line::Outcome(recorded.clone()));
        }
    }
}

fn push(lines: &mut Vec<u8>, line: &Line) {
    // A vector takes everything, and nothing in a line is a map with other keys than strings.
    let _ = serde_json::to_writer(&mut *lines, line);
    lines.push(b'\n');
}
