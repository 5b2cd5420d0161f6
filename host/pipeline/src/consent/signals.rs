//! The signals that come with an event, gathered once for all its purposes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use super::google::Said;
use super::iab::{self, Unreadable};
use super::{Purpose, Purposes};
use crate::place::Place;
use crate::request::Asked;
use crate::visitor;

/// The cookies and query parameters by which the standards hand their strings on.
const TCF: (&str, &str) = ("euconsent-v2", "gdpr_consent");
const US_PRIVACY: (&str, &str) = ("usprivacy", "us_privacy");
const GPP: &str = "gpp";

/// A signal's name, for a person to read.
type Name = String;

/// What the signals of one event say.
#[derive(Debug, Default)]
pub struct Signals {
    /// `context.consent.categoryPreferences`, as Segment's consent wrappers send it.
    preferences: Map<String, Value>,
    google: Vec<(Name, Said)>,
    /// The purposes that TC strings consent to. One that cannot be read consents to none.
    tcf: Vec<(Name, BTreeSet<u8>)>,
    /// Signals that object to a sale. A string that cannot be read is taken for one.
    objections: Vec<Name>,
    /// The cookies of consent platforms, decoded.
    cookies: BTreeMap<String, String>,
    /// Where the visitor is.
    place: Option<Place>,
}

/// Asks for what signals are read from.
pub(super) fn ask(asked: &mut Asked) {
    asked.header("sec-gpc");
    [TCF.0, US_PRIVACY.0].into_iter().for_each(|name| asked.cookie(name));
    ["gcs", "gcd", TCF.1, US_PRIVACY.1, GPP].into_iter().for_each(|name| asked.query(name));
}

impl Signals {
    /// Gathers what an event and its request say. `said` is the event's `context.consent`, `location` its `context.location`.
    pub fn read(
        said: &Value,
        location: impl FnOnce() -> Option<Value>,
        request: &Map<String, Value>,
        purposes: &Purposes,
    ) -> Self {
        let kept = Kept { event: said, request };
        let mut signals = Signals {
            preferences: said.get("categoryPreferences").and_then(Value::as_object).cloned().unwrap_or_default(),
            place: if purposes.go_by_place() { visitor::place_of(request, location) } else { None },
            ..Signals::default()
        };
        kept.texts("gcs", None, "gcs").for_each(|(name, text)| signals.google.push((name, Said::gcs(text))));
        kept.texts("gcd", None, "gcd").for_each(|(name, text)| signals.google.push((name, Said::gcd(text))));
        for (name, text) in kept.texts("tcString", Some(TCF.0), TCF.1) {
            match iab::tcf(text) {
                Ok(purposes) => signals.tcf.push((name, purposes)),
                Err(Unreadable) => signals.tcf.push((unreadable(name), BTreeSet::new())),
            }
        }
        for (name, text) in kept.texts("uspString", Some(US_PRIVACY.0), US_PRIVACY.1) {
            match iab::us_privacy(text) {
                Ok(objects) => signals.objections.extend(objects.then_some(name)),
                Err(Unreadable) => signals.objections.push(unreadable(name)),
            }
        }
        for (name, text) in kept.texts("gppString", None, GPP) {
            match iab::gpp(text) {
                Ok(gpp) => {
                    signals.tcf.extend(gpp.tcf.map(|purposes| (name.clone(), purposes)));
                    signals.objections.extend(gpp.objects.then_some(name));
                }
                Err(Unreadable) => {
                    signals.tcf.push((unreadable(name.clone()), BTreeSet::new()));
                    signals.objections.push(unreadable(name));
                }
            }
        }
        if kept.kept("headers", "sec-gpc").and_then(Value::as_str) == Some("1") {
            signals.objections.push("Sec-GPC".to_owned());
        }
        for name in purposes.cookies() {
            if let Some(value) = kept.kept("cookies", name).and_then(Value::as_str) {
                signals.cookies.insert(name.to_owned(), decoded(value));
            }
        }
        signals
    }

    /// Where the visitor is, if it is known.
    pub(super) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Calls `heard` with each signal that speaks of a purpose, and whether it gives it.
    pub(super) fn each(&self, name: &str, purpose: &Purpose, heard: &mut dyn FnMut(Signal<'_>, bool)) {
        if let Some(preference) = self.preferences.get(name) {
            heard(Signal::Named("categoryPreferences"), *preference == Value::Bool(true));
        }
        for (signal, said) in &self.google {
            let mut said = purpose.google.iter().filter_map(|kind| said.of(*kind)).peekable();
            if said.peek().is_some() {
                heard(Signal::Named(signal), said.all(|granted| granted));
            }
        }
        if !purpose.tcf.is_empty() {
            self.tcf.iter().for_each(|(signal, given)| heard(Signal::Named(signal), purpose.tcf.is_subset(given)));
        }
        if purpose.opt_out {
            self.objections.iter().for_each(|signal| heard(Signal::Named(signal), false));
        }
        if let Some((cookie, given)) = &purpose.cookie
            && let Some(value) = self.cookies.get(cookie)
        {
            heard(Signal::Cookie(cookie), given.is_match(value));
        }
    }
}

/// What speaks of a purpose, for a person to read.
#[derive(Clone, Copy)]
pub(super) enum Signal<'s> {
    Named(&'s str),
    Cookie(&'s str),
}

impl fmt::Display for Signal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Signal::Named(name) => f.write_str(name),
            Signal::Cookie(name) => write!(f, "the cookie {name}"),
        }
    }
}

/// Where signals stand.
struct Kept<'k> {
    /// `context.consent` of the event.
    event: &'k Value,
    request: &'k Map<String, Value>,
}

impl<'k> Kept<'k> {
    /// A signal's texts: of the event (as a site puts it there, or as the source `ga4` found it in a Google tag's request), of a
    /// cookie, of the request's query. One that is empty is none.
    fn texts(&self, event: &'k str, cookie: Option<&'k str>, query: &'k str) -> impl Iterator<Item = (Name, &'k str)> {
        let own = self.event.get(event).map(|value| (format!("context.consent.{event}"), value));
        let google = self.event.get("google").and_then(|google| google.get(query));
        let google = google.map(|value| (format!("context.consent.google.{query}"), value));
        let cookie =
            cookie.and_then(|name| self.kept("cookies", name).map(|value| (format!("the cookie {name}"), value)));
        let query = self.kept("query", query).map(|value| (format!("{query} of the request"), value));
        let texts = [own, google, cookie, query].into_iter().flatten();
        texts.filter_map(|(name, value)| Some((name, value.as_str()?))).filter(|(_, text)| !text.is_empty())
    }

    /// What is kept of the request under a name of one of its lists.
    fn kept(&self, list: &str, name: &str) -> Option<&'k Value> {
        self.request.get(list)?.get(name)
    }
}

fn unreadable(name: Name) -> Name {
    format!("{name}, which cannot be read")
}

/// Without the `%` escapes that platforms write into cookies; some write them twice.
fn decoded(value: &str) -> String {
    let once = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let first = once(value);
    if first.contains('%') { once(&first) } else { first }
}
