//! How consent is read.

use std::collections::{BTreeMap, BTreeSet};

use tagyard_pipeline::consent::Purposes;
use tagyard_pipeline::container::purpose::{Answer, Cookie, Google, Purpose};

use super::page::Page;
use super::transform::capital;
use super::words::listed;

pub(super) fn explain<'u>(page: &mut Page, used: impl Iterator<Item = &'u String>, specs: &BTreeMap<String, Purpose>) {
    let purposes: BTreeSet<&String> = used.collect();
    if purposes.is_empty() {
        return;
    }
    page.heading("How consent is read");
    page.sentence(
        "Of several signals that differ, the most restrictive one counts. A signal that cannot be read denies.",
    );
    for name in purposes {
        explain_purpose(page, name, &Purposes::filled(name, specs.get(name).unwrap_or(&Purpose::default())));
    }
}

fn explain_purpose(page: &mut Page, name: &str, purpose: &Purpose) {
    let Purpose { default, default_in, google, tcf, opt_out, cookie } = purpose;
    let google: Vec<&str> = google.iter().flatten().map(|kind| google_name(*kind)).collect();
    let tcf: Vec<String> = tcf.iter().flatten().map(ToString::to_string).collect();
    let mut signals = vec![format!("the site's own word for \"{name}\" (`context.consent.categoryPreferences`)")];
    if !google.is_empty() {
        signals.push(format!("Google's consent mode ({})", listed(&google, "and")));
    }
    match tcf.as_slice() {
        [] => {}
        [only] => signals.push(format!("IAB's TCF (purpose {only})")),
        several => signals.push(format!("IAB's TCF (purposes {})", listed(several, "and"))),
    }
    if let Some(Cookie { name, given }) = cookie {
        signals.push(format!("the cookie {name}, which gives it where it matches `{given}`"));
    }
    page.sentence(&format!("{}: by {}.", capital(name), listed(&signals, "and")));
    if *opt_out == Some(true) {
        page.detail("An objection to the sale of data denies it: Global Privacy Control, the US Privacy string, the US sections of GPP.");
    }
    let default = said(default.unwrap_or(Answer::Denied));
    if default_in.is_empty() {
        page.detail(&format!("Where no signal speaks of it, it {default}."));
        return;
    }
    let places: Vec<String> =
        default_in.iter().map(|(place, answer)| format!("in {place} it {}", said(*answer))).collect();
    page.detail(&format!(
        "Where no signal speaks of it, it goes by where the visitor is: {}, elsewhere it {default}. Where that is not known, the strictest of these counts.",
        listed(&places, "and")
    ));
}

fn said(answer: Answer) -> &'static str {
    match answer {
        Answer::Given => "counts as given",
        Answer::Denied => "is denied",
    }
}

fn google_name(kind: Google) -> &'static str {
    match kind {
        Google::AdStorage => "ad_storage",
        Google::AnalyticsStorage => "analytics_storage",
        Google::AdUserData => "ad_user_data",
        Google::AdPersonalization => "ad_personalization",
    }
}
