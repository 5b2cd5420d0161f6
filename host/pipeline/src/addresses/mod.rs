//! Whose a request is, where several containers share a collector.
//!
//! In this order, the first that answers:
//! 1. the host name that it was sent to, where it is one of a container's `[collect] hosts`;
//! 2. the first write key in its path, query or headers that is a container's;
//! 3. the path, where it is that of a webhook whose sender shows a secret and no write key;
//! 4. the first write key in its body that is a container's.
//!
//! What is found out here is only who judges the request. That container's own rules then say whether it takes it.

mod clash;
mod host_name;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use http::HeaderMap;
use http::header::HOST;

use crate::container::model::Collect;
use crate::sources::{self, Head, Incoming, Parsed, Refusal, Rules, Source};

pub use clash::{Clash, What};
pub use host_name::mended;
use host_name::{HostNames, name_of};

/// Where each of several containers is sent to. A container is known by its place in the list that this was made from.
#[derive(Debug, Default)]
pub struct Addresses {
    hosts: HostNames,
    keys: HashMap<String, usize>,
    /// Of webhooks whose senders show no write key, with and without their container's prefix; `None` where two containers have it.
    hooks: HashMap<String, Option<usize>>,
    prefixes: HashSet<String>,
    /// What a container without any key says to a request.
    nobody: Rules,
}

/// Whose a request is, as far as can be told before its body is read.
#[derive(Clone, Copy)]
pub enum Whose {
    Container(usize),
    /// This source may find the key in its body.
    AskBody(&'static dyn Source),
    /// No source of any container takes such a request.
    Unclaimed,
}

/// A path has so many parts at most of which a prefix is looked for; `collect.prefix` has 128 bytes.
const PREFIX_PARTS: usize = 16;

impl Addresses {
    /// The addresses, and where two containers claim the same one; the first of them has it then.
    pub fn new<'c>(containers: impl IntoIterator<Item = &'c Collect>) -> (Self, Vec<Clash>) {
        let mut addresses = Addresses { nobody: nobody(), ..Addresses::default() };
        let mut clashes = Vec::new();
        for (container, collect) in containers.into_iter().enumerate() {
            addresses.add(container, collect, &mut clashes);
        }
        (addresses, clashes)
    }

    /// The container that a host name stands for, given as in the header `Host`.
    pub fn of_host(&self, headers: &HeaderMap) -> Option<usize> {
        self.hosts.find(&name_of(headers.get(HOST)?.to_str().ok()?)?)
    }

    /// Whose a request is, by its beginning: its body is not looked at, its path is as it came.
    pub fn of_head(&self, request: &Incoming<'_>) -> Whose {
        if let Some(container) = self.of_host(request.headers) {
            return Whose::Container(container);
        }
        let Some((source, path)) = self.source(request) else { return self.of_hook(request) };
        match self.known(source, &Incoming { path, body: &[], ..*request }) {
            Some(container) => Whose::Container(container),
            None => Whose::AskBody(source),
        }
    }

    /// Whose it is by a key in its body.
    pub fn of_body(&self, source: &dyn Source, request: &Incoming<'_>) -> Option<usize> {
        let path = self.source(request).map_or(request.path, |(_, path)| path);
        self.known(source, &Incoming { path, ..*request })
    }

    /// What is said to a request that is no container's. What carries no key, such as what an SDK counts about itself, has an answer,
    /// and nothing in it that would have to be kept.
    ///
    /// # Errors
    /// The refusal of everything else.
    pub fn of_nobody(&self, source: &dyn Source, request: &Incoming<'_>) -> Result<Parsed, Refusal> {
        let path = self.source(request).map_or(request.path, |(_, path)| path);
        let parsed = source.parse(&Incoming { path, ..*request }, &self.nobody)?;
        match parsed.events.is_empty() && parsed.bad.is_empty() {
            true => Ok(parsed),
            false => Err(unknown()),
        }
    }

    fn add(&mut self, container: usize, collect: &Collect, clashes: &mut Vec<Clash>) {
        let mut claim = |first: Option<usize>, what: What| {
            // A container that says the same thing twice is checked elsewhere.
            if let Some(first) = first.filter(|first| *first != container) {
                clashes.push(Clash { first, second: container, what });
            }
        };
        for host in &collect.hosts {
            claim(self.hosts.add(host, container), What::Host(host.clone()));
        }
        for key in &collect.write_keys {
            claim(Some(*self.keys.entry(key.clone()).or_insert(container)), What::WriteKey(key.clone()));
        }
        let prefix = collect.prefix.as_deref().unwrap_or_default();
        if !prefix.is_empty() {
            self.prefixes.insert(prefix.to_owned());
        }
        if !collect.hosts.is_empty() {
            // Its webhooks are told by the host name.
            return;
        }
        for hook in collect.webhooks.iter().filter(|hook| hook.key.is_some() || hook.signature.is_some()) {
            let whole = format!("{prefix}{}", hook.path);
            let first = *self.hooks.entry(whole.clone()).or_insert(Some(container));
            claim(first, What::Webhook(whole));
            if !prefix.is_empty() {
                // A proxy may have taken the prefix off.
                let bare = self.hooks.entry(hook.path.clone()).or_insert(Some(container));
                *bare = bare.filter(|first| *first == container);
            }
        }
    }

    /// A webhook is in no source's list but its container's; a sender may show a write key nevertheless.
    fn of_hook(&self, request: &Incoming<'_>) -> Whose {
        let by_key = || self.known(&sources::webhook::Webhooks, request);
        let by_path = || self.hooks.get(request.path).copied().flatten();
        by_key().or_else(by_path).map_or(Whose::Unclaimed, Whose::Container)
    }

    fn known(&self, source: &dyn Source, request: &Incoming<'_>) -> Option<usize> {
        source.keys(request).iter().find_map(|key| self.keys.get(key)).copied()
    }

    /// The source that claims a request, and the path as that source knows it: with any container's prefix taken off.
    fn source<'p>(&self, request: &Incoming<'p>) -> Option<(&'static dyn Source, &'p str)> {
        let path = request.path;
        let slashes = path.match_indices('/').map(|(at, _)| at).take(PREFIX_PARTS);
        let without = slashes.filter(|at| self.prefixes.contains(&path[..*at])).map(|at| &path[at..]);
        std::iter::once(path).chain(without).find_map(|path| {
            let head = Head { method: request.method, path, headers: request.headers };
            Some((sources::find(&head, &self.nobody)?, path))
        })
    }
}

fn nobody() -> Rules {
    let mut rules = Rules::default();
    // A key is not looked for in an event that is too long.
    rules.options.max_event_bytes = sources::MAX_BODY_BYTES;
    rules
}

/// For a request whose key is no container's.
pub fn unknown() -> Refusal {
    let message = "the write key is that of no container here: compare it with `write_keys` under `[collect]`";
    Refusal::new(http::StatusCode::UNAUTHORIZED, "unknown_write_key", message)
}
