//! Which keys an object has.

/// Which keys came before; now and then one that did not.
#[derive(Default)]
pub(super) struct Seen([u64; 4]);

impl Seen {
    /// Whether a key, in its quotes, may have come before.
    pub(super) fn has(&mut self, quoted: &[u8]) -> bool {
        let [first, last] = [1, quoted.len().saturating_sub(2)].map(|at| quoted.get(at).copied().unwrap_or_default());
        let sum =
            quoted.len().wrapping_mul(29) ^ usize::from(first).wrapping_mul(7) ^ usize::from(last).wrapping_mul(37);
        let (word, bit) = (&mut self.0[sum / 64 % 4], 1 << (sum % 64));
        let seen = *word & bit != 0;
        *word |= bit;
        seen
    }
}
