//! Lanes keep one user's events in order: while one is on its way, the later ones of the same user wait; other users' do not.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::batch::Item;

/// The events of one tag between the journal and their outcome.
#[derive(Default)]
pub(super) struct Lanes {
    /// Every user with an event that is ready or on its way.
    users: HashMap<u64, Lane>,
    ready: VecDeque<Item>,
    /// When the first of `ready` became so.
    since: Option<Instant>,
    count: usize,
    bytes: usize,
}

#[derive(Default)]
struct Lane {
    /// Events that are ready or on their way.
    ahead: usize,
    /// Events that wait for them.
    waiting: VecDeque<Item>,
}

/// What an event gives back when it has ended.
#[derive(Debug)]
pub(super) struct Freed {
    user: u64,
    bytes: usize,
}

impl Freed {
    pub(super) fn of(item: &Item) -> Self {
        Freed { user: item.user, bytes: item.bytes() }
    }
}

impl Lanes {
    /// Events that are held, and their bytes.
    pub(super) fn held(&self) -> (usize, usize) {
        (self.count, self.bytes)
    }

    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn ready_since(&self) -> Option<Instant> {
        self.since
    }

    pub(super) fn admit(&mut self, item: Item) {
        self.count += 1;
        self.bytes += item.bytes();
        let lane = self.users.entry(item.user).or_default();
        if lane.ahead > 0 {
            lane.waiting.push_back(item);
            return;
        }
        lane.ahead = 1;
        self.make_ready(item);
    }

    /// Takes the events for one call: what is ready first, each followed by what waits behind it in its lane.
    pub(super) fn take(&mut self, max_events: usize, max_bytes: usize) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let mut bytes = 0;
        let fits = |items: &Vec<Item>, bytes: usize, item: &Item| {
            items.len() < max_events && (items.is_empty() || bytes + item.bytes() <= max_bytes)
        };
        while let Some(item) = self.ready.pop_front_if(|item| fits(&items, bytes, item)) {
            let user = item.user;
            bytes += item.bytes();
            items.push(item);
            let Some(lane) = self.users.get_mut(&user) else { continue };
            while let Some(item) = lane.waiting.pop_front_if(|item| fits(&items, bytes, item)) {
                lane.ahead += 1;
                bytes += item.bytes();
                items.push(item);
            }
        }
        self.since = if self.ready.is_empty() { None } else { Some(Instant::now()) };
        items
    }

    /// An event that was taken has ended. When it was the last of its user's, the next one is ready.
    pub(super) fn free(&mut self, freed: &Freed) {
        self.count -= 1;
        self.bytes -= freed.bytes;
        let Some(lane) = self.users.get_mut(&freed.user) else { return };
        lane.ahead -= 1;
        if lane.ahead > 0 {
            return;
        }
        match lane.waiting.pop_front() {
            Some(next) => {
                lane.ahead = 1;
                self.make_ready(next);
            }
            None => drop(self.users.remove(&freed.user)),
        }
    }

    fn make_ready(&mut self, item: Item) {
        self.since.get_or_insert_with(Instant::now);
        self.ready.push_back(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The positions of the events that go in the next call, and what they give back.
    fn take(lanes: &mut Lanes, max: usize) -> (Vec<u64>, Vec<Freed>) {
        let items = lanes.take(max, usize::MAX);
        (items.iter().map(|item| item.record.position).collect(), items.iter().map(Freed::of).collect())
    }

    fn free(lanes: &mut Lanes, freed: &[Freed]) {
        freed.iter().for_each(|freed| lanes.free(freed));
    }

    #[tokio::test]
    async fn one_users_events_wait_for_each_other() {
        let mut lanes = Lanes::default();
        for (position, user) in [(1, 7), (2, 7), (3, 8), (4, 7)] {
            lanes.admit(Item::for_test(position, user));
        }
        let (first, of_7) = take(&mut lanes, 1);
        let (second, of_8) = take(&mut lanes, 1);
        assert_eq!((first, second, lanes.ready()), (vec![1], vec![3], 0));
        free(&mut lanes, &of_8);
        assert_eq!(lanes.ready(), 0);
        free(&mut lanes, &of_7);
        for expected in [2, 4] {
            let (next, freed) = take(&mut lanes, 1);
            assert_eq!((next, lanes.ready()), (vec![expected], 0));
            free(&mut lanes, &freed);
        }
        assert_eq!((lanes.held(), lanes.users.len()), ((0, 0), 0));
    }

    #[tokio::test]
    async fn a_batch_takes_a_lane_in_order() {
        let mut lanes = Lanes::default();
        for (position, user) in [(1, 7), (2, 8), (3, 7), (4, 7), (5, 8)] {
            lanes.admit(Item::for_test(position, user));
        }
        let (first, freed) = take(&mut lanes, 3);
        assert_eq!((first, lanes.held().0), (vec![1, 3, 4], 5));
        free(&mut lanes, &freed);
        assert_eq!((take(&mut lanes, 3).0, lanes.held().0), (vec![2, 5], 2));
    }

    #[tokio::test]
    async fn a_lane_is_free_when_all_that_was_taken_of_it_has_ended_whatever_else_went_along() {
        let mut lanes = Lanes::default();
        for (position, user) in [(1, 7), (2, 8), (3, 7)] {
            lanes.admit(Item::for_test(position, user));
        }
        let (first, freed) = take(&mut lanes, 3);
        assert_eq!(first, [1, 3, 2]);
        for (position, user) in [(4, 8), (5, 7)] {
            lanes.admit(Item::for_test(position, user));
        }
        free(&mut lanes, &freed[2..]);
        assert_eq!((take(&mut lanes, 3).0, lanes.ready()), (vec![4], 0));
        free(&mut lanes, &freed[..1]);
        assert_eq!(lanes.ready(), 0);
        free(&mut lanes, &freed[1..2]);
        assert_eq!(take(&mut lanes, 3).0, [5]);
    }
}
