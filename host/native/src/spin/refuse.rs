//! What a container may have that Spin, or the collector there, cannot hold.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use tagyard_pipeline::grants::{HostPattern, is_private};
use tagyard_pipeline::manifest::Manifest;

use super::names;
use crate::container::{Finding, Loaded, LoadedTag, Step, Written};

/// Keys whose promise nobody keeps on Spin, with the reason and what to do.
const NOT_THERE: [(&[&str], &str, &str); 3] = [
    (
        &["collect", "events_per_second"],
        "on Spin no instance sees the requests of the others, and to count each in the store would cost as much as to keep it",
        "leave it out, and limit them where they come in",
    ),
    (
        &["geo", "file"],
        "there are no files on Spin, so no database of addresses",
        "leave it out; with `geo.edge` the edge's headers say where a visitor is",
    ),
    (
        &["identity", "links"],
        "on Spin nothing keeps which ids belong to one person",
        "leave it out, or serve this container by the native host; cookies work in both",
    ),
];

/// Everything that is refused.
pub(super) fn findings<'l>(written: &Written, loaded: &'l Loaded) -> Vec<Finding<'l>> {
    let json = written.json();
    let mut found = Vec::new();
    for (path, message, help) in NOT_THERE {
        let is_there =
            path.iter().try_fold(&json, |value, key| value.get(key)).is_some_and(|it| *it != Value::Bool(false));
        if is_there {
            found.push(finding(path.iter().map(|key| Step::Key(key)).collect(), message, help));
        }
    }
    let mut variables = Variables::default();
    for (place, webhook) in loaded.container.collect.webhooks.iter().enumerate() {
        for (key, secret) in [("key", &webhook.key), ("signature", &webhook.signature)] {
            if let Some(secret) = secret {
                let place = vec![Step::Key("collect"), Step::Key("webhook"), Step::At(place), Step::Key(key)];
                variables.check(&secret.env, place, &mut found);
            }
        }
    }
    let mut ids: BTreeMap<String, &str> = BTreeMap::new();
    for (place, tag) in loaded.tags.iter().enumerate() {
        let at = |keys: &[&'l str]| {
            let keys = keys.iter().map(|key| Step::Key(key));
            [Step::Key("tag"), Step::At(place)].into_iter().chain(keys).collect::<Vec<_>>()
        };
        let id = names::component(&tag.spec.name);
        if let Some(other) = ids.insert(id.clone(), &tag.spec.name) {
            let message = format!("on Spin both this tag and `{other}` would be the component `{id}`");
            found.push(finding(at(&["name"]), message, "call one of them otherwise"));
        }
        hosts(tag, &at, &json["tag"][place]["allow"]["hosts"], &mut found);
        if tag.grant.private_network {
            found.push(finding(
                at(&["allow", "private_network"]),
                "Spin cannot tell which component may reach private addresses: its runtime opens them to all or to none",
                "serve this tag by the native host, or send by way of a public name",
            ));
        }
        let mut own: BTreeMap<String, &str> = BTreeMap::new();
        for source in tag.secrets() {
            let place = at(&["secrets", source.name]);
            let variable = names::of_secret(source.name);
            if !names::is_variable(&variable) {
                let message = format!("`{variable}` is no name of a variable on Spin");
                found.push(finding(place.clone(), message, "the tag's manifest has to call the secret otherwise"));
            }
            if let Some(other) = own.insert(variable, source.name) {
                let message = format!("on Spin, whose variables are in small letters, it is the same as `{other}`");
                found.push(finding(place.clone(), message, "the tag's manifest has to call one of them otherwise"));
            }
            variables.check(source.env, place, &mut found);
        }
    }
    found
}

fn hosts<'l>(
    tag: &'l LoadedTag,
    at: &dyn Fn(&[&'l str]) -> Vec<Step<'l>>,
    written: &Value,
    found: &mut Vec<Finding<'l>>,
) {
    let manifest = &tag.component.manifest;
    let Some(written) = written.as_array() else { return };
    let patterns = written.iter().map(|host| host.as_str().and_then(|host| HostPattern::parse(host).ok()));
    for (place, pattern) in patterns.enumerate() {
        if let Some((message, help)) = pattern.and_then(|pattern| refused(&pattern, manifest)) {
            let mut steps = at(&["allow", "hosts"]);
            steps.push(Step::At(place));
            found.push(finding(steps, message, help));
        }
    }
}

/// Why a granted host is refused, and what to do.
fn refused(pattern: &HostPattern, manifest: &Manifest) -> Option<(String, &'static str)> {
    let name = pattern.to_string();
    let name = name.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(&*name, |(name, _)| name);
    let below = |domain: &str| name == domain || name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    if below("spin.internal") || below("spin.alt") || name == "self" {
        let message = "on Spin this is a component of the application itself";
        return Some((message.to_owned(), "a tag sends to its vendor only"));
    }
    let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
    if below("localhost") || address.is_ok_and(is_private) {
        let message = "this is a private address, and Spin's runtime opens those to all components or to none";
        return Some((message.to_owned(), "serve this tag by the native host"));
    }
    let asked: Vec<HostPattern> = manifest.hosts.iter().filter_map(|host| HostPattern::parse(host).ok()).collect();
    if asked.iter().any(|asked| asked.covers(pattern)) {
        return None;
    }
    if name.starts_with("*.") {
        let message = format!("this is wider than what `{}` asks for, and Spin would open all of it", manifest.name);
        return Some((message, "name the hosts one by one"));
    }
    if !asked.is_empty() {
        let message = format!("`{}` does not ask for this host", manifest.name);
        return Some((message, "leave it out"));
    }
    None
}

/// Environment variables that become the application's.
#[derive(Default)]
struct Variables<'l>(BTreeMap<String, &'l str>);

impl<'l> Variables<'l> {
    fn check(&mut self, env: &'l str, place: Vec<Step<'l>>, found: &mut Vec<Finding<'l>>) {
        let variable = names::variable(env);
        let place = [place, vec![Step::Key("env")]].concat();
        let help = "call it otherwise, as in VENDOR_API_SECRET";
        if !names::is_variable(&variable) {
            found.push(finding(place, format!("`{variable}` is no name of a variable on Spin"), help));
        } else if variable == names::DRAIN_TOKEN {
            found.push(finding(place, "this is the variable that opens the collector's routes for an operator", help));
        } else if self.0.get(&variable).is_some_and(|other| *other != env) {
            let message =
                format!("on Spin, whose variables are in small letters, it is the same as `{}`", self.0[&variable]);
            found.push(finding(place, message, help));
        } else {
            self.0.insert(variable, env);
        }
    }
}

fn finding<'l>(place: Vec<Step<'l>>, message: impl Into<String>, help: &str) -> Finding<'l> {
    Finding { place, message: message.into(), help: Some(help.to_owned()) }
}
