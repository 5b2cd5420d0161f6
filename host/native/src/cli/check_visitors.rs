//! What `tagyard check` says of how visitors are found out about.

use tagyard_pipeline::container::edge::{Edge, Geo, Platform};
use tagyard_pipeline::container::purpose::{Answer, Purpose};

use crate::container::Loaded;

/// A line for whom the container trusts, one for where visitors are, and one for each consent that goes by that.
pub(super) fn lines(loaded: &Loaded) -> Vec<String> {
    let container = &loaded.container;
    let proxies = container.collect.proxies.as_ref();
    let proxies = proxies.map(|proxies| {
        format!("where requests come from is what {} says in {}", proxies.trusted.join(", "), proxies.header)
    });
    let geo = container.geo.as_ref().map(|geo| geo_line(geo, loaded));
    let consent = container.consent.iter().filter(|(_, purpose)| !purpose.default_in.is_empty());
    proxies.into_iter().chain(geo).chain(consent.map(|(name, purpose)| consent_line(name, purpose))).collect()
}

fn geo_line(geo: &Geo, loaded: &Loaded) -> String {
    let edge = geo.edge.as_ref().map(|edge| match edge {
        Edge::Platform(Platform::AppEngine) => "App Engine's headers".to_owned(),
        Edge::Platform(Platform::Cloudflare) => "Cloudflare's headers".to_owned(),
        Edge::Platform(Platform::Cloudfront) => "CloudFront's headers".to_owned(),
        Edge::Platform(Platform::Vercel) => "Vercel's headers".to_owned(),
        Edge::Headers(headers) => format!("the header {}", headers.country),
    });
    let file = geo.file.as_ref().zip(loaded.database.as_ref());
    let file = file.map(|(file, database)| format!("{file} ({})", database.describe()));
    let by: Vec<String> = edge.into_iter().chain(file).collect();
    let what = if geo.city { "country, region and city" } else { "country and region" };
    format!("visitors' {what} by {}", by.join(", else by "))
}

fn consent_line(name: &str, purpose: &Purpose) -> String {
    let said = |answer: Answer| match answer {
        Answer::Given => "given",
        Answer::Denied => "denied",
    };
    let places = purpose.default_in.iter().map(|(place, answer)| format!("{} in {place}", said(*answer)));
    let places: Vec<String> = places.collect();
    let elsewhere = said(purpose.default.unwrap_or(Answer::Denied));
    format!("consent to {name}, where no signal speaks of it: {}, {elsewhere} elsewhere", places.join(", "))
}
