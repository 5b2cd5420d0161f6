//! Events that are decoded already: the collector has just parsed them, and every tag's worker reads them within milliseconds.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustc_hash::FxBuildHasher;
use tagyard_pipeline::accepted::{Accepted, RecordError};

/// How many events are remembered. With events at their largest (32 KB, and several times that once a tag runs) some 100 MB.
const REMEMBERED: usize = 512;

/// Remembers the last events by the very bytes of their records. A record with the same content at another place is another
/// record: nothing that a sender chooses, such as a `messageId`, can make one event pass for another.
#[derive(Default)]
pub struct Decoded {
    recent: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    /// By where a record's bytes lie. They are held here, so no other record can come to lie there. No sender chooses an address, so
    /// a quick hash does.
    events: HashMap<Place, (Bytes, Arc<Accepted>), FxBuildHasher>,
    /// Oldest first.
    places: VecDeque<Place>,
}

/// An address and a length.
type Place = (usize, usize);

impl Decoded {
    /// Remembers what a record was made from.
    pub fn remember(&self, payload: &Bytes, accepted: Arc<Accepted>) {
        let place = place(payload);
        let forgotten = {
            let mut recent = self.recent();
            let known = recent.events.insert(place, (payload.clone(), accepted));
            if known.is_none() {
                recent.places.push_back(place);
            }
            let oldest = if recent.places.len() > REMEMBERED { recent.places.pop_front() } else { None };
            (known, oldest.and_then(|oldest| recent.events.remove(&oldest)))
        };
        // Taking an event apart takes a while, and nobody has to wait for it.
        drop(forgotten);
    }

    /// The event of a record.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn decode(&self, payload: &Bytes) -> Result<Arc<Accepted>, RecordError> {
        let known = self.recent().events.get(&place(payload)).map(|(_, accepted)| accepted.clone());
        if let Some(known) = known {
            return Ok(known);
        }
        let accepted = Arc::new(Accepted::from_bytes(payload)?);
        self.remember(payload, accepted.clone());
        Ok(accepted)
    }

    /// Forgets all of them.
    pub fn clear(&self) {
        let forgotten = std::mem::take(&mut *self.recent());
        drop(forgotten);
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(payload: &Bytes) -> Place {
    (payload.as_ptr() as usize, payload.len())
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
