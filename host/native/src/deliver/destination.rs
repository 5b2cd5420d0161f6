//! Destinations: how many requests a vendor's host gets at once, over all tags, and none but a probe while it is down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::breaker::{Breaker, Turn};
use crate::limits::{DESTINATIONS, HOST_DELIVERIES};

/// All hosts that were sent to lately.
#[derive(Default)]
pub(super) struct Destinations {
    hosts: Mutex<HashMap<String, Arc<Destination>>>,
}

/// One host, as every tag that sends there shares it.
pub(super) struct Destination {
    places: Arc<Semaphore>,
    breaker: watch::Sender<Breaker>,
}

/// The right to send one request. Giving it back without a word says nothing about the host.
pub(super) struct Pass {
    destination: Arc<Destination>,
    _place: Option<OwnedSemaphorePermit>,
    is_probe: bool,
}

impl Destinations {
    /// The destination of a host; the one that is known, or a new one.
    pub(super) fn of(&self, host: &str) -> Arc<Destination> {
        let mut hosts = lock(&self.hosts);
        if let Some(known) = hosts.get(host) {
            return known.clone();
        }
        if hosts.len() >= DESTINATIONS {
            // A pattern such as `*.vendor.com` lets a tag make up hosts without end. Those that nobody waits for are forgotten.
            hosts.retain(|_, destination| Arc::strong_count(destination) > 1);
        }
        let places = Arc::new(Semaphore::new(HOST_DELIVERIES));
        let new = Arc::new(Destination { places, breaker: watch::Sender::new(Breaker::closed()) });
        hosts.insert(host.to_owned(), new.clone());
        new
    }
}

impl Destinations {
    /// Every host's breaker as it is now.
    pub(super) fn breakers(&self) -> Vec<(String, Breaker)> {
        lock(&self.hosts).iter().map(|(host, destination)| (host.clone(), *destination.breaker.borrow())).collect()
    }
}

impl Destination {
    /// Waits until a request may go.
    pub(super) async fn enter(self: &Arc<Self>) -> Pass {
        let mut changes = self.breaker.subscribe();
        let mut place = None;
        loop {
            changes.mark_unchanged();
            match self.turn() {
                // Only after that it has a place is it its turn: the breaker may have opened meanwhile.
                Turn::Go if place.is_none() => place = self.places.clone().acquire_owned().await.ok(),
                Turn::Go => return Pass { destination: self.clone(), _place: place, is_probe: false },
                Turn::Probe => return Pass { destination: self.clone(), _place: place, is_probe: true },
                Turn::WaitUntil(until) => {
                    place = None;
                    tokio::select! {
                        () = tokio::time::sleep_until(until.into()) => {}
                        _ = changes.changed() => {}
                    }
                }
                Turn::WaitForProbe => {
                    place = None;
                    // The sender is in `self`, so it cannot be gone.
                    let _ = changes.changed().await;
                }
            }
        }
    }

    fn turn(&self) -> Turn {
        let mut turn = Turn::Go;
        self.breaker.send_if_modified(|breaker| {
            turn = breaker.turn(Instant::now());
            // Whoever waits has nothing to learn from it: a probe's end is what they wait for.
            false
        });
        turn
    }
}

impl Pass {
    /// The host took the request, or refused it as a host does that is well.
    pub(super) fn succeeded(mut self) {
        self.is_probe = false;
        self.destination.breaker.send_if_modified(|breaker| {
            let changes = *breaker != Breaker::closed();
            breaker.succeeded();
            changes
        });
    }

    /// The host is out of reach, or says that it is. `after`: how long it asked to be left alone.
    pub(super) fn failed(mut self, after: Option<Duration>) {
        let was_probe = std::mem::take(&mut self.is_probe);
        self.destination.breaker.send_modify(|breaker| breaker.failed(was_probe, Instant::now(), after));
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_probe {
            self.destination.breaker.send_modify(|breaker| breaker.gave_up(Instant::now()));
        }
    }
}

fn lock(hosts: &Mutex<HashMap<String, Arc<Destination>>>) -> MutexGuard<'_, HashMap<String, Arc<Destination>>> {
    hosts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::BREAKER_FAILURES;

    #[tokio::test]
    async fn whoever_waits_for_a_probe_goes_when_it_succeeds() {
        let destination = Destinations::default().of("down.example");
        for _ in 0..BREAKER_FAILURES {
            destination.enter().await.failed(None);
        }
        let probe = destination.enter().await;
        let waiting = tokio::spawn({
            let destination = destination.clone();
            async move { destination.enter().await.is_probe }
        });
        tokio::task::yield_now().await;
        assert!(probe.is_probe && !waiting.is_finished());
        probe.succeeded();
        assert!(matches!(waiting.await, Ok(false)));
    }

    #[tokio::test]
    async fn a_probe_that_is_dropped_leaves_the_next_one_its_turn() {
        let destination = Destinations::default().of("down.example");
        for _ in 0..BREAKER_FAILURES {
            destination.enter().await.failed(None);
        }
        drop(destination.enter().await);
        assert!(destination.enter().await.is_probe);
    }

    #[tokio::test]
    async fn forgotten_hosts_make_room() {
        let destinations = Destinations::default();
        let held = destinations.of("held.example");
        for number in 0..3 * DESTINATIONS {
            destinations.of(&format!("h{number}.example"));
        }
        assert!(lock(&destinations.hosts).len() <= DESTINATIONS + 1);
        assert!(Arc::ptr_eq(&held, &destinations.of("held.example")));
    }
}
