//! A set of positions, kept as ranges: what waits on a vendor that is down is one range, not a million entries.

use std::collections::BTreeMap;

/// Positions, or numbers of dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// First position to last position of each range; the ranges are apart.
    ranges: BTreeMap<u64, u64>,
    count: u64,
}

impl Ranges {
    /// Adds `first..=last`; nothing if `first > last`.
    pub fn add(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        if let Some(mut end) = self.ranges.last_entry()
            && end.get().checked_add(1) == Some(first)
        {
            // Events are mostly added one by one, in order.
            end.insert(last);
            self.count += last - first + 1;
            return;
        }
        self.remove(first, last);
        self.count += last - first + 1;
        let before = self.ranges.range(..first).next_back().map(|(first, last)| (*first, *last));
        let start = match before {
            Some((start, end)) if end + 1 == first => start,
            _ => first,
        };
        let end = last.checked_add(1).and_then(|next| self.ranges.remove(&next)).unwrap_or(last);
        self.ranges.insert(start, end);
    }

    /// Removes what there is of `first..=last`; returns how many that was.
    pub fn remove(&mut self, first: u64, last: u64) -> u64 {
        let before = self.count;
        while let Some((start, end)) = self.range_ending_at_or_after(first).filter(|(start, _)| *start <= last) {
            self.ranges.remove(&start);
            self.count -= end - start + 1;
            self.keep_piece(start, first.saturating_sub(1), start < first);
            self.keep_piece(last.saturating_add(1), end, last < end);
        }
        before - self.count
    }

    pub fn contains(&self, position: u64) -> bool {
        self.at_or_after(position) == Some(position)
    }

    /// The lowest member that is not below `position`.
    pub(super) fn at_or_after(&self, position: u64) -> Option<u64> {
        self.range_ending_at_or_after(position).map(|(start, _)| start.max(position))
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.ranges.keys().next().copied()
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// In how many ranges they lie.
    pub fn pieces(&self) -> usize {
        self.ranges.len()
    }

    /// First and last position of each range, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.ranges.iter().map(|(first, last)| (*first, *last))
    }

    fn keep_piece(&mut self, start: u64, end: u64, wanted: bool) {
        if wanted {
            self.ranges.insert(start, end);
            self.count += end - start + 1;
        }
    }

    fn range_ending_at_or_after(&self, position: u64) -> Option<(u64, u64)> {
        let around = self.ranges.range(..=position).next_back().filter(|(_, end)| **end >= position);
        let range = around.or_else(|| self.ranges.range(position..).next());
        range.map(|(start, end)| (*start, *end))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_as_a_set_of_numbers(
            steps in prop::collection::vec((any::<bool>(), 0u64..60, 0u64..12), 0..60),
        ) {
            let (mut ranges, mut model) = (Ranges::default(), BTreeSet::new());
            for (adding, first, more) in steps {
                let members = first..=first + more;
                if adding {
                    ranges.add(first, first + more);
                    model.extend(members);
                } else {
                    let removed = ranges.remove(first, first + more);
                    let before = model.len();
                    model.retain(|member| !members.contains(member));
                    prop_assert_eq!(removed as usize, before - model.len());
                }
                prop_assert_eq!(ranges.count() as usize, model.len());
                prop_assert_eq!(ranges.first(), model.first().copied());
                for position in 0..80 {
                    prop_assert_eq!(ranges.at_or_after(position), model.range(position..).next().copied());
                    prop_assert_eq!(ranges.contains(position), model.contains(&position));
                }
                let apart = ranges.iter().zip(ranges.iter().skip(1)).all(|(a, b)| a.1 + 1 < b.0);
                prop_assert!(apart, "{:?}", ranges);
            }
        }
    }
}
