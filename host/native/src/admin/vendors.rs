//! The vendors' hosts that a tag sends to, and whether they are well.

use std::fmt;

use serde::{Deserialize, Serialize};
use tagyard_pipeline::grants::Grant;

use crate::deliver::{Health, HostHealth};

/// How many hosts of a tag are told of. A pattern such as `*.vendor.com` lets it make up many.
const MAX_VENDORS: usize = 32;

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Vendor {
    pub host: String,
    pub breaker: BreakerStatus,
    /// Where the breaker is open: in how many seconds one request finds out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_probe_seconds: Option<u64>,
}

/// Whether a host's breaker lets requests through.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerStatus {
    /// One request is on its way to find out.
    Probing,
    /// Nothing is sent until the next probe.
    Open,
    Closed,
}

impl Vendor {
    pub fn is_well(&self) -> bool {
        self.breaker == BreakerStatus::Closed
    }
}

impl From<&HostHealth> for Vendor {
    fn from(host: &HostHealth) -> Self {
        let (breaker, next_probe_seconds) = match host.health {
            Health::Well => (BreakerStatus::Closed, None),
            Health::Probing => (BreakerStatus::Probing, None),
            // Rounded up: `0 s` would say that it is now.
            Health::Down { next_probe } => (BreakerStatus::Open, Some(next_probe.as_millis().div_ceil(1_000) as u64)),
        };
        Vendor { host: host.host.clone(), breaker, next_probe_seconds }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.breaker, self.next_probe_seconds) {
            (BreakerStatus::Closed, _) => write!(f, "{}: up", self.host),
            (BreakerStatus::Probing, _) => write!(f, "{}: open, probing now", self.host),
            (BreakerStatus::Open, seconds) => {
                write!(f, "{}: open, next probe in {} s", self.host, seconds.unwrap_or_default())
            }
        }
    }
}

/// Of all known hosts, those that a tag may send to; the ones that are not well first.
pub(super) fn vendors(grant: &Grant, hosts: &[HostHealth]) -> Vec<Vendor> {
    let mut vendors: Vec<Vendor> = hosts.iter().filter(|host| reaches(grant, &host.host)).map(Vendor::from).collect();
    vendors.sort_by_key(Vendor::is_well);
    vendors.truncate(MAX_VENDORS);
    vendors
}

/// `authority` is a host as a URL has it, with the port if it is not the scheme's own.
fn reaches(grant: &Grant, authority: &str) -> bool {
    let with_port = authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match with_port {
        Some((host, port)) => grant.reaches(host, port),
        None => grant.reaches(authority, 443) || (grant.plain_http && grant.reaches(authority, 80)),
    }
}
