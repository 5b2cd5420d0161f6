//! Two containers that claim the same address.

use std::fmt;

/// Two containers, by their places, and what both of them claim.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clash {
    pub first: usize,
    pub second: usize,
    pub what: What,
}

/// What only one container can have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum What {
    Host(String),
    WriteKey(String),
    /// A webhook's path with its prefix: nothing else tells whose it is, as its sender shows no write key.
    Webhook(String),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Host(host) => write!(f, "the host name `{host}`"),
            What::WriteKey(key) => write!(f, "the write key `{key}`"),
            What::Webhook(path) => write!(f, "the webhook at `{path}`"),
        }
    }
}

impl What {
    /// How an operator mends it.
    pub fn help(&self) -> &'static str {
        match self {
            What::Host(_) => "a request to it is one container's: take it out of the `hosts` of one of them",
            What::WriteKey(_) => "a write key tells whose an event is: give each container its own",
            What::Webhook(_) => {
                "its sender shows no write key: give each container a `prefix` of its own under `[collect]`, or `hosts`"
            }
        }
    }
}
