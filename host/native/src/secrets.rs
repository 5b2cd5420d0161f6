//! Secrets' values: read from the environment when a container starts, and given to nobody but `deliver`.

use std::collections::BTreeMap;

use tagyard_pipeline::grants::HostPattern;
use tagyard_pipeline::permit::SecretBindings;
use tagyard_pipeline::secrets::Secrets;

use crate::container::{Environment, LoadedTag, SecretSource};

/// The secrets of one tag. It prints as nothing.
#[derive(Default)]
pub struct TagSecrets(BTreeMap<String, String>);

impl TagSecrets {
    /// Reads them from the environment. One that is not there, which `container::load` reports, has no value.
    pub fn read(tag: &LoadedTag, env: Environment) -> Self {
        let read = |source: SecretSource<'_>| Some((source.name.to_owned(), env(source.env)?));
        TagSecrets(tag.secrets().filter_map(read).collect())
    }
}

impl Secrets for TagSecrets {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Which secrets a tag may name, and where each may go. A checked container's patterns are all good; one that is not binds to nothing.
pub fn bindings(tag: &LoadedTag) -> SecretBindings {
    let bound = |hosts: &[String]| hosts.iter().filter_map(|host| HostPattern::parse(host).ok()).collect();
    SecretBindings(tag.secrets().map(|source| (source.name.to_owned(), source.hosts.map(bound))).collect())
}
