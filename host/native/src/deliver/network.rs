//! What a host has to do with other machines: its connections, and what it knows of the vendors' hosts. It outlives a container,
//! so that a reload neither dials anew nor storms a vendor that is known to be down.

use std::time::{Duration, Instant};

use super::breaker::{Breaker, Turn};
use super::client::Clients;
use super::destination::Destinations;

pub struct Network {
    pub(super) clients: Clients,
    pub(super) destinations: Destinations,
}

/// A vendor's host, and how it is doing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostHealth {
    /// As URLs have it, with the port if it is not the scheme's own.
    pub host: String,
    pub health: Health,
}

/// How a vendor's host is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Health {
    Well,
    /// It failed too often in a row: nothing is sent to it until the next probe.
    Down {
        next_probe: Duration,
    },
    /// One request is on its way to find out.
    Probing,
}

impl Default for Network {
    fn default() -> Self {
        Network { clients: Clients::new(), destinations: Destinations::default() }
    }
}

impl Network {
    /// Every host that was sent to lately, by name.
    pub fn hosts(&self) -> Vec<HostHealth> {
        let health = |(host, breaker): (String, Breaker)| HostHealth { host, health: Health::of(breaker) };
        let mut hosts: Vec<HostHealth> = self.destinations.breakers().into_iter().map(health).collect();
        hosts.sort_by(|a, b| a.host.cmp(&b.host));
        hosts
    }
}

impl Health {
    fn of(mut breaker: Breaker) -> Self {
        let now = Instant::now();
        // A copy is asked, so nobody's turn is taken.
        match breaker.turn(now) {
            Turn::Go => Health::Well,
            Turn::Probe => Health::Down { next_probe: Duration::ZERO },
            Turn::WaitUntil(until) => Health::Down { next_probe: until - now },
            Turn::WaitForProbe => Health::Probing,
        }
    }
}
