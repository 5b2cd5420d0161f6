//! Pages of the host's logs, for the commands that look back. The host only reads: what is made of it is the command's work, so
//! that neither a long export nor a slow terminal takes memory or time here.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use bytes::{Buf, Bytes};
use http::StatusCode;
use serde::Deserialize;

use super::Facts;
use crate::history::{Entry, Extent, HistoryError, Logs, Part};

/// Where a page begins, and how many records it has at most.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    from: u64,
    records: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct Since {
    #[serde(default)]
    since_ms: Option<i64>,
}

pub(super) async fn show(
    State(facts): State<Arc<Facts>>,
    Path(part): Path<Part>,
    Query(asked): Query<Asked>,
) -> Response {
    match logs(&facts).read(part, asked.from, asked.records).await {
        Ok(entries) => page(&entries).into_response(),
        Err(error) => refused(&error),
    }
}

pub(super) async fn extent(
    State(facts): State<Arc<Facts>>,
    Path(part): Path<Part>,
    Query(since): Query<Since>,
) -> Json<Extent> {
    Json(logs(&facts).extent(part, since.since_ms).await)
}

pub(super) fn logs(facts: &Facts) -> Logs {
    Logs {
        journal: facts.journal.log().clone(),
        outcomes: facts.outcomes.clone(),
        sent: facts.sent.clone(),
        letters: facts.letters.clone(),
    }
}

fn refused(error: &HistoryError) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
}

/// Records as bytes: for each its position, its time, its length and its payload, all numbers big-endian.
pub fn page(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.iter().map(|entry| HEAD_BYTES + entry.payload.len()).sum());
    for Entry { position, at_ms, payload } in entries {
        bytes.extend_from_slice(&position.to_be_bytes());
        bytes.extend_from_slice(&at_ms.to_be_bytes());
        // A record is 16 MiB at most.
        bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        bytes.extend_from_slice(payload);
    }
    bytes
}

const HEAD_BYTES: usize = 20;

/// The records of a [`page`]; `None` when it is none.
pub fn decode_page(mut bytes: Bytes) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    while bytes.has_remaining() {
        let (position, at_ms) = (bytes.try_get_u64().ok()?, bytes.try_get_i64().ok()?);
        let length = bytes.try_get_u32().ok()? as usize;
        if length > bytes.len() {
            return None;
        }
        entries.push(Entry { position, at_ms, payload: bytes.split_to(length) });
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_comes_back_as_it_was_and_half_a_page_does_not() {
        let entries = [(1, -5, ""), (7, 1_795_255_200_000, "{\"a\":1}")].map(|(position, at_ms, payload)| Entry {
            position,
            at_ms,
            payload: Bytes::from(payload),
        });
        let bytes = page(&entries);
        assert_eq!(decode_page(Bytes::from(bytes.clone())), Some(entries.to_vec()));
        for cut in (0..bytes.len()).filter(|cut| ![0, HEAD_BYTES].contains(cut)) {
            assert_eq!(decode_page(Bytes::copy_from_slice(&bytes[..cut])), None, "{cut}");
        }
    }
}
