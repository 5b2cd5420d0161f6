//! Events that are decoded already: the collector has just parsed them, and every tag's worker reads them within milliseconds.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tagyard_pipeline::accepted::{Accepted, RecordError};

/// How many events are remembered. With events at their largest (32 KB, and several times that once decoded) some 100 MB.
const REMEMBERED: usize = 512;

/// Remembers the last events by the very bytes of their records. A record with the same content at another place is another
/// record: nothing that a sender chooses, such as a `messageId`, can make one event pass for another.
pub struct Decoded {
    recent: Mutex<Vec<Slot>>,
}

/// A record's bytes and its event, or nothing yet.
type Slot = Option<(Bytes, Arc<Accepted>)>;

impl Default for Decoded {
    fn default() -> Self {
        Decoded { recent: Mutex::new(vec![None; REMEMBERED]) }
    }
}

impl Decoded {
    /// Remembers what a record was made from.
    pub fn remember(&self, payload: &Bytes, accepted: Arc<Accepted>) {
        let before = {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            recent.get_mut(slot(payload)).and_then(|place| place.replace((payload.clone(), accepted)))
        };
        // Taking an event apart takes a while, and nobody has to wait for it.
        drop(before);
    }

    /// The event of a record.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn decode(&self, payload: &Bytes) -> Result<Arc<Accepted>, RecordError> {
        if let Some(known) = self.known(payload) {
            return Ok(known);
        }
        let accepted = Arc::new(Accepted::from_bytes(payload)?);
        self.remember(payload, accepted.clone());
        Ok(accepted)
    }

    fn known(&self, payload: &Bytes) -> Option<Arc<Accepted>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, accepted) = recent.get(slot(payload))?.as_ref()?;
        // The bytes are held here, so no other record can have come to lie at their place.
        let is_same = bytes.as_ptr() == payload.as_ptr() && bytes.len() == payload.len();
        is_same.then(|| accepted.clone())
    }
}

fn slot(payload: &Bytes) -> usize {
    // Allocations lie at round addresses, which this spreads over the slots (Fibonacci hashing).
    let spread = (payload.as_ptr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    usize::try_from(spread).unwrap_or_default() % REMEMBERED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str) -> Bytes {
        Bytes::from(format!(
            r#"{{"v":1,"received_at":"2026-11-21T10:00:00Z","source":"segment","event":{{"type":"page","messageId":"m","userId":"u","name":"{name}"}}}}"#
        ))
    }

    #[test]
    fn one_record_is_decoded_once_and_never_taken_for_another() -> Result<(), RecordError> {
        let decoded = Decoded::default();
        let (first, twin) = (record("a"), record("a"));
        let event = decoded.decode(&first)?;
        assert!(Arc::ptr_eq(&event, &decoded.decode(&first)?));
        assert!(!Arc::ptr_eq(&event, &decoded.decode(&twin)?));
        for number in 0..4 * REMEMBERED {
            let name = number.to_string();
            assert_eq!(decoded.decode(&record(&name))?.event.name(), Some(name.as_str()));
        }
        assert_eq!(decoded.decode(&first)?.event.name(), Some("a"));
        Ok(())
    }
}
