//! Ids for events that came without one.

use std::cell::OnceCell;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Makes the `messageId`s of one request: UUIDs of version 8, from SHA-256 of the body, the time of receipt and the
/// event's position. The same request replayed gives the same ids, two identical events of a batch differ by position,
/// and two identical requests by their time of receipt.
pub(super) struct Ids<'b> {
    body: &'b str,
    received_at: Timestamp,
    /// Hashed only when an event needs it, once for all: SDKs send ids.
    seed: OnceCell<Sha256>,
}

impl<'b> Ids<'b> {
    pub(super) fn new(body: &'b str, received_at: Timestamp) -> Self {
        Ids { body, received_at, seed: OnceCell::new() }
    }

    /// The id of the event at this position.
    pub(super) fn at(&self, position: usize) -> String {
        let seed = self.seed.get_or_init(|| {
            Sha256::new()
                .chain_update(self.received_at.as_nanosecond().to_be_bytes())
                .chain_update(Sha256::digest(self.body.as_bytes()))
        });
        let digest = seed.clone().chain_update(position.to_be_bytes()).finalize();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
        uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_depends_on_the_body_the_time_and_the_position() {
        let id = |body: &str, second: i64, position: usize| Ids::new(body, Timestamp::constant(second, 0)).at(position);
        let one = id("{}", 1, 0);
        assert_eq!(one, id("{}", 1, 0));
        assert_ne!(one, id("{} ", 1, 0));
        assert_ne!(one, id("{}", 2, 0));
        assert_ne!(one, id("{}", 1, 1));
        assert_eq!(uuid::Uuid::parse_str(&one).map(|id| id.get_version_num()), Ok(8));
    }
}
