//! Where events come from.

use tagyard_pipeline::container::edge::Proxies;
use tagyard_pipeline::container::model::{Collect, HeaderSecret, Webhook};

use super::page::Page;
use super::several;
use super::words::{condition, field, listed, number, value};

pub(super) fn explain(page: &mut Page, collect: &Collect) {
    let Collect {
        write_keys,
        hosts,
        origins,
        events_per_second,
        max_event_bytes,
        prefix,
        proxies,
        client_hints,
        webhooks,
    } = collect;
    page.heading("Where events come from");
    page.sentence(&format!(
        "Whoever sends the {} may send events, from a page, an app or a server. Write keys are public; they tell senders apart and keep nobody out.",
        several("write key", write_keys).replace(" and ", " or ")
    ));
    if !hosts.is_empty() {
        page.sentence(&format!(
            "Where one host runs several containers, requests to {} are this one's, whatever key they show.",
            listed(hosts, "or")
        ));
    }
    page.sentence(
        "They may come in the forms of Segment, RudderStack, Google Analytics 4, Snowplow, Jitsu and CloudEvents.",
    );
    page.sentence(&match origins.as_slice() {
        [] => "No page of any website may send them from a browser.".to_owned(),
        [all] if all == "*" => "In a browser, the pages of any website may send them.".to_owned(),
        some => format!("In a browser, only pages of {} may send them.", listed(some, "and")),
    });
    if let Some(prefix) = prefix {
        page.sentence(&format!(
            "All of its paths are also there below {prefix}, so that it can sit behind the site's own domain."
        ));
    }
    page.sentence(&match proxies {
        Some(Proxies { trusted, header }) => format!(
            "Where a request comes from is what the proxies at {} say in the header {header}; nobody else is believed.",
            listed(trusted, "and")
        ),
        None => "Where a request comes from is where its connection does.".to_owned(),
    });
    if *client_hints {
        page.sentence("Answers ask browsers for their exact version, their platform's and the device's model.");
    }
    page.sentence(&format!("An event may have up to {} bytes.", number(*max_event_bytes)));
    if let Some(most) = events_per_second {
        page.sentence(&format!(
            "At most {} events a second are taken; the senders of more are told to try again.",
            number(most.get())
        ));
    }
    webhooks.iter().for_each(|webhook| explain_webhook(page, webhook));
}

fn explain_webhook(page: &mut Page, webhook: &Webhook) {
    let Webhook { path, key, signature, each, when, set } = webhook;
    let shown = |secret: &HeaderSecret, what: &str| {
        let HeaderSecret { header, env } = secret;
        format!("{what} in the header {header} (the secret is in {env})")
    };
    let proofs: Vec<String> = key
        .iter()
        .map(|key| shown(key, "sends a secret"))
        .chain(signature.iter().map(|key| shown(key, "signs what it sends")))
        .collect();
    let who = if proofs.is_empty() { "sends a write key".to_owned() } else { listed(&proofs, "and") };
    page.sentence(&format!("A service that {who} may post data of its own to {path}."));
    page.detail(&match each {
        Some(each) => format!("Each element of {} becomes an event.", value(each)),
        None => "What it posts becomes one event.".to_owned(),
    });
    if let Some(when) = when {
        page.detail(&format!("Only where {}; the rest is dropped.", condition(when)));
    }
    let set: Vec<String> =
        set.iter().map(|(path, source)| format!("{} becomes {}", field(path), value(source))).collect();
    page.detail(&format!("Of the event, {}.", set.join("; ")));
}
