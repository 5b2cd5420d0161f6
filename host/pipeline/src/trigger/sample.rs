//! A part of the users, the same for every tag and for good.

use sha2::{Digest, Sha256};

use crate::event::Event;

/// A share of the users, from 0 to 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample(pub(super) f64);

impl Sample {
    /// Whether an event's user is among them. Every larger share takes all that a smaller one takes.
    pub(super) fn takes(self, event: &Event) -> bool {
        let digest = Sha256::digest(event.user().unwrap_or_default());
        let number = digest.iter().take(4).fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        f64::from(number) / (f64::from(u32::MAX) + 1.0) < self.0
    }
}
