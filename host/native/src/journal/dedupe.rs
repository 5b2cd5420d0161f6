//! Which messages have been accepted already.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::record::{Key, Record};

/// An id is remembered for at least 24 hours: two full generations of twelve, and the one being filled.
pub(super) const REMEMBERED_MS: i64 = 24 * 3600 * 1000;
const GENERATION_MS: i64 = REMEMBERED_MS / 2;

/// How many keys the journal remembers. A generation is half of them, and begins early when the last is
/// full: that is a hash table of 2^21 slots, just before it would double. Three of them are at most 107 MB.
/// It is enough for 24 hours of 42 new events a second, all day; a busier site's ids are forgotten sooner.
pub const DEDUPE_KEYS: usize = 2 * ((1 << 21) / 8 * 7);

impl Key {
    /// The key of a message: ids of one scope (a container, a write key) say nothing about another's.
    pub fn of(scope: &str, message_id: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update((scope.len() as u64).to_le_bytes());
        hash.update(scope);
        hash.update(message_id);
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        Self(key)
    }
}

/// The keys of the last day. Only the writer asks it, between two writes, so that of two
/// requests with one id exactly one is written and the other is answered after it is durable.
#[derive(Debug)]
pub(super) struct Dedupe {
    /// Newest first.
    generations: [HashSet<Key>; 3],
    began_ms: Option<i64>,
    /// Of a generation.
    capacity: usize,
}

impl Dedupe {
    /// Remembers at least `keys` keys.
    pub(super) fn new(keys: usize) -> Self {
        Self { generations: Default::default(), began_ms: None, capacity: keys.div_ceil(2) }
    }

    /// Whether the key is new; from now on it is not. [`Key::NONE`] always is.
    pub(super) fn claim(&mut self, key: Key, received_at_ms: i64) -> bool {
        if key == Key::NONE {
            return true;
        }
        self.make_room(received_at_ms);
        let [newest, older @ ..] = &mut self.generations;
        !older.iter().any(|generation| generation.contains(&key)) && newest.insert(key)
    }

    /// Takes back a claim whose record could not be written.
    pub(super) fn release(&mut self, key: Key) {
        for generation in &mut self.generations {
            generation.remove(&key);
        }
    }

    /// What an existing record says.
    pub(super) fn remember(&mut self, record: &Record) {
        self.claim(record.key, record.received_at_ms);
    }

    fn make_room(&mut self, now_ms: i64) {
        let began_ms = *self.began_ms.get_or_insert(now_ms);
        let old = now_ms.saturating_sub(began_ms) >= GENERATION_MS;
        if old || self.generations[0].len() >= self.capacity {
            self.generations.rotate_right(1);
            self.generations[0].clear();
            self.began_ms = Some(now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600 * 1000;

    fn key(id: u32) -> Key {
        Key::of("shop", &id.to_string())
    }

    #[test]
    fn a_key_is_remembered_for_a_day_and_forgotten_after_two() {
        let mut dedupe = Dedupe::new(DEDUPE_KEYS);
        assert!(dedupe.claim(key(0), 0));
        for hour in 1..24 {
            assert!(dedupe.claim(key(hour), i64::from(hour) * HOUR));
            assert!(!dedupe.claim(key(0), i64::from(hour) * HOUR), "hour {hour}");
        }
        for hour in 24..48 {
            dedupe.claim(key(hour), i64::from(hour) * HOUR);
        }
        assert!(dedupe.claim(key(0), 48 * HOUR));
    }

    #[test]
    fn memory_is_bounded_and_the_newest_are_kept() {
        let mut dedupe = Dedupe::new(200);
        for id in 0..10_000 {
            assert!(dedupe.claim(key(id), 0));
        }
        let held: usize = dedupe.generations.iter().map(HashSet::len).sum();
        assert!(held <= 300, "{held}");
        assert!((9_800..10_000).all(|id| !dedupe.claim(key(id), 0)));
    }

    #[test]
    fn a_released_key_is_new_again() {
        let mut dedupe = Dedupe::new(DEDUPE_KEYS);
        assert!(dedupe.claim(key(1), 0));
        dedupe.release(key(1));
        assert!(dedupe.claim(key(1), 0));
    }

    #[test]
    fn scopes_are_apart() {
        assert_ne!(Key::of("a", "bc"), Key::of("ab", "c"));
        assert_eq!(Key::of("a", "bc"), Key::of("a", "bc"));
    }
}
