//! What was sent: one record for every delivery that ended, so that a person can see what a vendor got, and what would be sent
//! today can be compared with it. It is history, not guarantee: where it cannot be written, delivery goes on.

mod body;
mod queue;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tagyard_pipeline::permit::Permitted;

pub use body::{KEPT_BODY_BYTES, SentBody, SentText};
pub(crate) use queue::{Keeper, Queue, queue};

use crate::deliver::{Delivered, Undone};
use crate::journal::Options;

/// The most that the record of what was sent may take on disk. At twice as much, which it can only reach between two looks of the
/// retention, nothing more is written to it. Keeps history from taking the room that the journal needs.
pub const SENT_BYTES: u64 = 2 << 30;

/// A request that was delivered, or given up, as it lies in its log. Its secrets are placeholders.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Sent {
    /// When its last attempt ended.
    pub at: Timestamp,
    pub tag: String,
    /// Which call of the tag asked for it: a number of no meaning that its other requests have too.
    pub call: u64,
    /// The positions in the journal of the events that it carried.
    pub events: Vec<u64>,
    pub request: SentRequest,
    pub attempts: u32,
    /// The vendor's last answer; absent where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it was given up; absent where the vendor accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// A request as the permit let it out.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SentRequest {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: SentBody,
}

impl Sent {
    /// The record of a delivery; `None` for one that the host's stop has interrupted: it has not ended.
    pub fn new(
        tag: &str,
        call: u64,
        events: Vec<u64>,
        request: &Permitted,
        result: &Result<Delivered, Undone>,
    ) -> Option<Self> {
        let (attempts, status, failed) = match result {
            Ok(delivered) => (delivered.attempts, Some(delivered.status), None),
            Err(Undone::Undelivered(undelivered)) => {
                let status = undelivered.answer.as_ref().map(|answer| answer.status);
                (undelivered.attempts, status, Some(undelivered.reason.clone()))
            }
            Err(Undone::Stopped) => return None,
        };
        let request = SentRequest::new(request);
        Some(Sent { at: Timestamp::now(), tag: tag.to_owned(), call, events, request, attempts, status, failed })
    }

    pub fn is_accepted(&self) -> bool {
        self.failed.is_none()
    }

    /// A new call's number. It fits into a double, for readers of JSON that know no other numbers.
    pub fn new_call() -> u64 {
        rand::random::<u64>() >> 11
    }

    /// About as many bytes as it takes in memory.
    fn bytes(&self) -> usize {
        let SentRequest { url, headers, body, .. } = &self.request;
        let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        size_of::<Self>() + url.len() + headers + body.kept_bytes() + size_of_val(self.events.as_slice())
    }
}

impl SentRequest {
    pub fn new(request: &Permitted) -> Self {
        SentRequest {
            method: request.method().to_string(),
            url: request.url().to_string(),
            headers: request.shown_headers(),
            body: SentBody::new(request.body()),
        }
    }
}

/// How the log is opened. What it holds is hardly ever read while it is new, so little of it stays in memory.
pub(crate) fn options() -> Options {
    const TAIL_RECORDS: usize = 256;
    const TAIL_BYTES: usize = 1 << 20;
    Options {
        durability: crate::journal::Durability::Flushed,
        max_bytes: Some(2 * SENT_BYTES),
        tail_records: TAIL_RECORDS,
        tail_bytes: TAIL_BYTES,
        ..Options::default()
    }
}
