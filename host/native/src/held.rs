//! How much of what a tag returned is held at once. A guest decides how large its requests are, and a vendor how long they
//! wait: without a bound, a few hundred calls with bodies of 10 MiB would fill the host's memory.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{LIFTED_BYTES, TAG_OUTPUT_BYTES};

/// What the semaphore counts; its permits are 32-bit numbers.
const UNIT: usize = 1024;

/// The room for the requests of one tag.
pub struct Room(Arc<Semaphore>);

/// A part of the room, given back when it is dropped.
#[derive(Debug)]
pub struct Held(OwnedSemaphorePermit);

impl Default for Room {
    fn default() -> Self {
        Room(Arc::new(Semaphore::new(TAG_OUTPUT_BYTES / UNIT)))
    }
}

impl Room {
    /// Waits for as much room as a call can fill. `None` when the room is closed, which it never is.
    pub async fn reserve(&self) -> Option<Held> {
        self.0.clone().acquire_many_owned(units(LIFTED_BYTES)).await.ok().map(Held)
    }
}

impl Held {
    /// Gives back what a call did not fill.
    pub fn shrink(&mut self, bytes: usize) {
        let surplus = self.0.num_permits().saturating_sub(units(bytes) as usize);
        drop(self.0.split(surplus));
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_call_waits_until_there_is_room_for_all_that_it_may_return() {
        let room = Room::default();
        let mut held = Vec::new();
        for _ in 0..TAG_OUTPUT_BYTES / LIFTED_BYTES {
            held.extend(room.reserve().await);
        }
        let waits = |room: &Room| {
            let room = Room(room.0.clone());
            async move { tokio::time::timeout(Duration::from_millis(20), room.reserve()).await.is_err() }
        };
        assert!(waits(&room).await);
        for part in &mut held {
            part.shrink(1);
        }
        assert!(!waits(&room).await);
        drop(held);
        assert_eq!(room.0.available_permits() * UNIT, TAG_OUTPUT_BYTES);
    }
}
