//! Decoding of journal records, once for all tags: workers that keep up read the same events within milliseconds.

use std::sync::{Arc, Mutex, PoisonError};

use tagyard_pipeline::accepted::{Accepted, RecordError};

use crate::journal::Record;

/// How many events are remembered. With events at their largest (32 KB) that is some 30 MB.
const REMEMBERED: usize = 512;

/// Remembers the last events by their position.
pub(super) struct Decoder {
    recent: Mutex<Vec<Slot>>,
}

/// An event, with its position.
type Slot = Option<(u64, Arc<Accepted>)>;

impl Default for Decoder {
    fn default() -> Self {
        Decoder { recent: Mutex::new(vec![None; REMEMBERED]) }
    }
}

impl Decoder {
    pub(super) fn decode(&self, record: &Record) -> Result<Arc<Accepted>, RecordError> {
        let slot = usize::try_from(record.position % REMEMBERED as u64).unwrap_or_default();
        {
            let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Some((position, accepted))) = recent.get(slot)
                && *position == record.position
            {
                return Ok(accepted.clone());
            }
        }
        let accepted = Arc::new(Accepted::from_bytes(&record.payload)?);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = recent.get_mut(slot) {
            *place = Some((record.position, accepted.clone()));
        }
        Ok(accepted)
    }
}
