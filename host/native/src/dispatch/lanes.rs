//! Lanes keep one user's events in order: while one is on its way, the later ones of the same user wait; other users' do not.

use std::collections::{HashMap, VecDeque};

use tokio::time::Instant;

use super::batch::Item;

/// The events of one tag between the journal and their outcome.
#[derive(Default)]
pub(super) struct Lanes {
    /// Every user with an event that is ready or on its way, and the events that wait for it.
    users: HashMap<u64, VecDeque<Item>>,
    ready: VecDeque<Item>,
    /// When the first of `ready` became so.
    since: Option<Instant>,
    count: usize,
    bytes: usize,
}

/// Events that go together, and the lanes that they occupy.
pub(super) struct Batch {
    pub(super) items: Vec<Item>,
    pub(super) lanes: Occupied,
}

/// What a batch gives back when it has ended.
pub(super) struct Occupied {
    users: Vec<u64>,
    count: usize,
    bytes: usize,
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
        match self.users.get_mut(&item.user) {
            Some(waiting) => waiting.push_back(item),
            None => {
                self.users.insert(item.user, VecDeque::new());
                self.make_ready(item);
            }
        }
    }

    /// Takes the events for one call: what is ready first, each followed by what waits behind it in its lane.
    pub(super) fn take(&mut self, max_events: usize, max_bytes: usize) -> Batch {
        let mut items: Vec<Item> = Vec::new();
        let mut users = Vec::new();
        let mut bytes = 0;
        let fits = |items: &Vec<Item>, bytes: usize, item: &Item| {
            items.len() < max_events && (items.is_empty() || bytes + item.bytes() <= max_bytes)
        };
        while let Some(item) = self.ready.pop_front_if(|item| fits(&items, bytes, item)) {
            let user = item.user;
            bytes += item.bytes();
            items.push(item);
            users.push(user);
            let Some(waiting) = self.users.get_mut(&user) else { continue };
            while let Some(item) = waiting.pop_front_if(|item| fits(&items, bytes, item)) {
                bytes += item.bytes();
                items.push(item);
            }
        }
        self.since = if self.ready.is_empty() { None } else { Some(Instant::now()) };
        let count = items.len();
        Batch { items, lanes: Occupied { users, count, bytes } }
    }

    /// Frees the lanes of a batch that has ended.
    pub(super) fn release(&mut self, lanes: Occupied) {
        self.count -= lanes.count;
        self.bytes -= lanes.bytes;
        for user in lanes.users {
            match self.users.get_mut(&user).and_then(VecDeque::pop_front) {
                Some(next) => self.make_ready(next),
                None => drop(self.users.remove(&user)),
            }
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

    fn take(lanes: &mut Lanes, max: usize) -> (Vec<u64>, Occupied) {
        let batch = lanes.take(max, usize::MAX);
        (batch.items.iter().map(|item| item.record.position).collect(), batch.lanes)
    }

    #[tokio::test]
    async fn one_users_events_wait_for_each_other() {
        let mut lanes = Lanes::default();
        for (position, user) in [(1, 7), (2, 7), (3, 8), (4, 7)] {
            lanes.admit(Item::for_test(position, user));
        }
        let (first, occupied_by_7) = take(&mut lanes, 1);
        let (second, occupied_by_8) = take(&mut lanes, 1);
        assert_eq!((first, second, lanes.ready()), (vec![1], vec![3], 0));
        lanes.release(occupied_by_8);
        assert_eq!(lanes.ready(), 0);
        lanes.release(occupied_by_7);
        let (third, occupied) = take(&mut lanes, 1);
        assert_eq!(third, [2]);
        lanes.release(occupied);
        let (fourth, occupied) = take(&mut lanes, 1);
        assert_eq!(fourth, [4]);
        lanes.release(occupied);
        assert_eq!((lanes.held(), lanes.users.len()), ((0, 0), 0));
    }

    #[tokio::test]
    async fn a_batch_takes_a_lane_in_order() {
        let mut lanes = Lanes::default();
        for (position, user) in [(1, 7), (2, 8), (3, 7), (4, 7), (5, 8)] {
            lanes.admit(Item::for_test(position, user));
        }
        let (first, occupied) = take(&mut lanes, 3);
        assert_eq!((first, lanes.held().0), (vec![1, 3, 4], 5));
        lanes.release(occupied);
        assert_eq!((take(&mut lanes, 3).0, lanes.held().0), (vec![2, 5], 2));
    }
}
