//! One tag: when it runs, on what consent, what it sees, where it sends.

use serde_json::Value;
use tagyard_pipeline::container::model::{Allow, Limits, Secret, Tag, WithoutConsent};
use tagyard_pipeline::event::Kind;
use tagyard_pipeline::trigger;

use super::page::Page;
use super::words::{condition, fields, listed, number};
use super::{several, transform};
use crate::container::LoadedTag;
use crate::registry;

/// How much of a setting is shown.
const SHOWN_CHARS: usize = 80;

pub(super) fn explain(page: &mut Page, tag: &LoadedTag) {
    let Tag {
        name,
        uses,
        settings,
        secrets,
        consent,
        without_consent,
        on,
        when,
        except,
        sample,
        between,
        allow,
        transforms,
        ordered,
        limits,
    } = &tag.spec;
    let manifest = &tag.component.manifest;
    page.heading(&format!("The tag \"{name}\""));
    let origin = if registry::is_bundled(uses) {
        "which comes with Tagyard".to_owned()
    } else {
        format!("a third party's, from {uses}")
    };
    page.about(&format!("{} It is {} {}, {origin}.", manifest.description, manifest.name, manifest.version));

    page.sentence(&format!("It runs for {}.", events(on.as_deref())));
    for part in when.iter().flat_map(|when| trigger::parts(when)) {
        page.detail(&format!("Only if {}.", condition(&part)));
    }
    if let Some(except) = except {
        page.detail(&format!("Not if {}.", condition(except)));
    }
    if when.is_some() || except.is_some() {
        page.detail("A condition on something that is missing counts as false.");
    }
    if let Some([from, until]) = between {
        page.detail(&format!("Only for events that are received from {from} on and before {until}."));
    }
    if let Some(share) = sample {
        page.detail(&format!("Only for {} per cent of the users, always the same ones.", share * 100.0));
    }
    explain_consent(page, consent, *without_consent);
    for change in transforms {
        page.sentence(&format!("Before it sees an event, {}", transform::sentence(change)));
    }
    explain_grant(page, tag, allow.as_ref());
    for (name, Secret { env, hosts }) in secrets {
        let to = match hosts {
            Some(hosts) => listed(hosts, "and"),
            None => "the hosts it sends to".to_owned(),
        };
        page.sentence(&format!(
            "It uses the secret {name}, from {env}: its value goes to {to}, and the tag never sees it."
        ));
    }
    let defaults = manifest.default_settings();
    let written = settings.iter().filter(|(name, value)| defaults.get(*name) != Some(value));
    let written: Vec<String> = written.map(|(name, value)| format!("{name} is {}", short(value))).collect();
    if !written.is_empty() {
        page.sentence(&format!("Its settings: {}.", written.join("; ")));
    }
    page.sentence(match ordered {
        true => "A user's events reach it in their order: later ones wait while an earlier one is tried again.",
        false => "It does not keep a user's events in their order.",
    });
    let Limits { deadline_ms, memory_mib } = limits;
    page.sentence(&format!(
        "A call of it may take {} milliseconds and {memory_mib} MiB of memory.",
        number(*deadline_ms)
    ));
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn events(on: Option<&[String]>) -> String {
    let Some(names) = on else { return "every event".to_owned() };
    let name = |name: &String| match Kind::from_name(name) {
        Some(kind) => format!("{} calls", kind.name()),
        None => format!("the event \"{name}\""),
    };
    listed(&names.iter().map(name).collect::<Vec<_>>(), "and")
}

fn explain_consent(page: &mut Page, purposes: &[String], without: WithoutConsent) {
    if purposes.is_empty() {
        page.sentence("It asks for no consent.");
        return;
    }
    page.sentence(&format!("It needs the visitor's consent to {}.", listed(purposes, "and to")));
    page.detail(match without {
        WithoutConsent::Block => "Without it, it does not run, and that is recorded as blocked by consent.",
        WithoutConsent::Anonymise => {
            "Without it, it gets what happened and not to whom: no ids, address, user agent, traits or device, no query in URLs, and no property that by its name leads to a person."
        }
    });
}

fn explain_grant(page: &mut Page, tag: &LoadedTag, allow: Option<&Allow>) {
    page.sentence(&format!(
        "It sees {}, as far as an event has them, and nothing else.",
        fields(&tag.granted_fields())
    ));
    let hosts: Vec<String> = tag.grant.hosts.iter().map(ToString::to_string).collect();
    page.sentence(&match hosts.as_slice() {
        [] => "It sends nowhere.".to_owned(),
        hosts => format!("It sends to the {}, and nowhere else.", several("host", hosts)),
    });
    // Hosts and fields are in the grant, with what the manifest asks for.
    let Some(Allow { hosts: _, fields: _, private_network, plain_http }) = allow else { return };
    if *private_network {
        page.detail("These may be private addresses, inside your own network.");
    }
    if *plain_http {
        page.detail("It may send without encryption, over plain http.");
    }
}
