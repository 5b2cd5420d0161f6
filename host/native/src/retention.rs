//! Retention: lets go of events and outcomes that no tag needs any more and that are old enough.

use crate::journal::{Log, Retain};
use crate::limits::{KEEP, KEEP_CHECK_EVERY};
use crate::outcomes::Recorder;
use crate::sent::SENT_BYTES;

/// Runs until it is aborted.
pub(crate) async fn run(journal: Log, outcomes: Log, sent: Log, recorder: Recorder) {
    let max_age_ms = i64::try_from(KEEP.as_millis()).ok();
    loop {
        tokio::time::sleep(KEEP_CHECK_EVERY).await;
        let (event, outcome) = recorder.needed();
        // Without tags nobody needs an event, and age alone decides.
        let event = event.unwrap_or_else(|| journal.durable_position() + 1);
        let all_sent = sent.durable_position() + 1;
        for (log, before, max_bytes) in
            [(&journal, event, None), (&outcomes, outcome, None), (&sent, all_sent, Some(SENT_BYTES))]
        {
            match log.retain(Retain { before, max_age_ms, max_bytes }).await {
                Ok(0) => {}
                Ok(freed) => tracing::info!(freed, "bytes of old records were let go"),
                Err(error) => tracing::warn!(%error, "old records cannot be deleted"),
            }
        }
    }
}
