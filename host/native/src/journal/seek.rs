//! Finding a time in a log.

use super::log::Log;

impl Log {
    /// A position near the first record that was received at `at_ms` (milliseconds since 1970) or later, and never behind it, as far
    /// as records lie in the order of time. It goes by segments: up to one segment's records before it are earlier.
    pub async fn position_of(&self, at_ms: i64) -> u64 {
        let shared = self.shared();
        let seeking = tokio::task::spawn_blocking(move || {
            let segments = shared.segments();
            let earlier = segments.iter().rev().find(|segment| segment.first_at().is_some_and(|at| at < at_ms));
            earlier.or(segments.first()).map(|segment| segment.first)
        });
        // Reading from the beginning is slower and finds the same.
        seeking.await.ok().flatten().unwrap_or_else(|| self.oldest_position())
    }
}
