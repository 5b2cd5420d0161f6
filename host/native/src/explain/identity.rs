//! By what visitors are known again.

use tagyard_pipeline::container::identity::{IdCookie, Identity, Links, Prefer, SameSite, Session, Vendor, Vendors};

use super::page::Page;
use super::words::{listed, number};

pub(super) fn explain(page: &mut Page, identity: &Identity) {
    let Identity { consent, domain, same_site, id, vendors, campaign, session, links } = identity;
    page.heading("By what visitors are known again");
    page.sentence(&format!(
        "Only with consent to {}: without it no cookie is set or read, and no ids are linked.",
        listed(consent, "and")
    ));
    if let Some(IdCookie { cookie, days, prefer }) = id {
        let wins = match prefer {
            Prefer::Event => "the one of the event counts",
            Prefer::Cookie => "the one of the cookie counts",
        };
        page.sentence(&format!(
            "Each browser gets an anonymous id in the cookie {cookie}, for {days} days after its last visit. Where an event has one, too, {wins}."
        ));
    }
    if let Some(vendors) = vendors {
        explain_vendors(page, vendors);
    }
    if *campaign {
        page.sentence(
            "The campaign is taken from the address of the page (utm_source and its like), where the event has none.",
        );
    }
    if let Some(Session { minutes, cookie, days }) = session {
        page.sentence(&format!(
            "A visit ends after {minutes} minutes without an event. Visits are counted in the cookie {cookie}, for {days} days after the last."
        ));
    }
    if let Some(Links { days, max }) = links {
        page.sentence(&format!(
            "Which anonymous ids belong to which user is kept for {days} days, {} links at most, so that later events of either have both.",
            number(*max)
        ));
    }
    if id.is_some() || vendors.is_some() || session.is_some() {
        let to = match same_site {
            SameSite::Lax => "with visits to pages of the same site, also by a link from elsewhere",
            SameSite::Strict => "from pages of the same site only",
            SameSite::None => "from pages of any site",
        };
        let domain = domain
            .as_ref()
            .map_or("the collector's own host".to_owned(), |domain| format!("{domain} and all below it"));
        page.sentence(&format!(
            "No script can read these cookies. They are for {domain}, and browsers send them {to}."
        ));
    }
}

fn explain_vendors(page: &mut Page, vendors: &Vendors) {
    let Vendors { names, click_ids, measurement_id, consent, cookie, days } = vendors;
    let names: Vec<String> = names.iter().map(|vendor| name(*vendor).to_owned()).collect();
    page.sentence(&format!(
        "Click ids and cookies of {} are put into events, and kept in the cookie {cookie} for {days} days.",
        listed(&names, "and")
    ));
    if !click_ids.is_empty() {
        page.detail(&format!("So are {} of a page's address.", listed(click_ids, "and")));
    }
    if let Some(id) = measurement_id {
        page.detail(&format!("Of Google Analytics' visits those of {id} are read."));
    }
    if let Some(consent) = consent {
        page.detail(&format!("For these the consent needed is to {}.", listed(consent, "and")));
    }
}

fn name(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Google => "Google",
        Vendor::LinkedIn => "LinkedIn",
        Vendor::Meta => "Meta",
        Vendor::Microsoft => "Microsoft",
        Vendor::Pinterest => "Pinterest",
        Vendor::Reddit => "Reddit",
        Vendor::Snapchat => "Snapchat",
        Vendor::TikTok => "TikTok",
        Vendor::X => "X",
    }
}
