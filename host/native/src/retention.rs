//! Retention: lets go of events and outcomes that no tag needs any more and that are old enough.

use crate::journal::{Log, Retain};
use crate::limits::{KEEP, KEEP_CHECK_EVERY};
use crate::outcomes::Recorder;

/// Runs until it is aborted.
pub(crate) async fn run(journal: Log, outcomes: Log, recorder: Recorder) {
    let max_age_ms = i64::try_from(KEEP.as_millis()).ok();
    loop {
        tokio::time::sleep(KEEP_CHECK_EVERY).await;
        let (event, outcome) = recorder.needed();
        // Without tags nobody needs an event, and age alone decides.
        let event = event.unwrap_or_else(|| journal.durable_position() + 1);
        for (log, before) in [(&journal, event), (&outcomes, outcome)] {
            match log.retain(Retain { before, max_age_ms, max_bytes: None }).await {
                Ok(0) => {}
                Ok(freed) => tracing::info!(freed, "bytes of old records were let go"),
                Err(error) => tracing::warn!(%error, "old records cannot be deleted"),
            }
        }
    }
}
