//! How much of a request is taken. Beside [`Collect::max_event_bytes`](crate::container::model::Collect), which is an
//! operator's to set.

/// The longest body, both as received and inflated: Segment's 500 KB a batch. It bounds what one request can make the
/// collector hold.
pub const MAX_BODY_BYTES: usize = 500 * 1024;

/// The most events in a batch, Segment's own limit. It bounds the work and the journal records behind one answer.
pub(super) const MAX_BATCH_EVENTS: usize = 2_500;

/// The most bytes that a batch may come to once its own `context` and `integrations` stand in each of its events. Without
/// it a body of 300 KB (thousands of tiny events, one long context) would become 80 MB.
pub(super) const MAX_MERGED_BYTES: usize = 8 * MAX_BODY_BYTES;

/// The longest text that is kept to tell by which `messageId` and `type` an event was that is itself too long to be kept.
pub(super) const MAX_KEPT_TEXT: usize = 256;
