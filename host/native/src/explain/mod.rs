//! `explain`: what a container does, in sentences for somebody who decides about it and reads no TOML.
//!
//! Every part of the container's model is taken apart here without `..`: a new key does not compile before it has a sentence.

mod consent;
mod identity;
mod kept;
mod page;
mod sources;
mod tag;
#[cfg(test)]
mod tests;
mod transform;
mod variables;
mod visitors;
mod words;

use tagyard_pipeline::container::model::Container;
use tagyard_pipeline::rules::Rules;

use crate::container::Loaded;
use page::Page;
use words::listed;

/// What a container does.
pub fn explain(loaded: &Loaded) -> String {
    let Container { name, collect, identity, geo, deliver, vars, consent, journal, transforms, tags: _ } =
        &loaded.container;
    let mut page = Page::titled(&format!("What the container \"{name}\" does"));
    sources::explain(&mut page, collect);

    page.heading("What happens to an event");
    page.step("Where it does not say them itself, the sender's address and user agent are put into it, unless it came from a server.");
    if let Some(geo) = geo {
        page.step(&visitors::sentence(geo));
    }
    page.step("It is written to disk, and only then is its sender told that it was taken. One whose messageId came in the last 24 hours is not taken twice.");
    if let Ok(rules) = Rules::compile(&loaded.container)
        && let asked = rules.asked().in_words()
        && !asked.is_empty()
    {
        page.step(&format!(
            "Of the request that brought it this is kept beside it, where it is there, since a condition, a variable or consent asks for it: {}. Nothing else of the request is kept.",
            asked.join("; ")
        ));
    }
    page.step("It is offered to each tag, one after the other and independently. Whether the tag runs and has consent is decided by the event as it came. Its sender may have switched a tag off for it (`integrations`).");
    for transform in transforms {
        page.step(&transform::capital(&transform::sentence(transform)));
    }
    page.step("What is left is cut down to the fields that the tag may see. The tag turns it into requests to its vendor, without a connection, a file or a secret of its own.");
    page.step("Those requests are checked and sent, and how it ended is recorded: not triggered, blocked by consent, skipped, delivered, or given up.");
    variables::explain(&mut page, vars);

    let used = loaded.tags.iter().flat_map(|tag| &tag.spec.consent).chain(consent.keys());
    let used = used.chain(identity.iter().flat_map(|identity| {
        identity.consent.iter().chain(identity.vendors.iter().flat_map(|vendors| &vendors.consent).flatten())
    }));
    consent::explain(&mut page, used, consent);
    if let Some(identity) = identity {
        identity::explain(&mut page, identity);
    }
    match loaded.tags.as_slice() {
        [] => page.heading("There are no tags: events are kept, and go nowhere"),
        tags => tags.iter().for_each(|tag| tag::explain(&mut page, tag)),
    }
    kept::explain(&mut page, journal, deliver);
    page.into_text()
}

/// As in "the write key a", "the write keys a and b".
fn several(what: &str, names: &[String]) -> String {
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("{what}{plural} {}", listed(names, "and"))
}
