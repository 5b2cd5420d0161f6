//! What a container does by `[identity]`, for `tagyard check`.

use std::fmt;

use serde_json::Value;
use tagyard_pipeline::container::identity::{Identity, Prefer, SameSite};

/// In lines for a person.
pub(super) fn write(f: &mut fmt::Formatter<'_>, identity: &Identity) -> fmt::Result {
    writeln!(f, "\nvisitors")?;
    let mut line = |label: &str, value: String| writeln!(f, "  {label:<9} {value}");
    line("consent", identity.consent.join(", "))?;
    if let Some(id) = &identity.id {
        let prefer = match id.prefer {
            Prefer::Event => "after the SDK's",
            Prefer::Cookie => "before the SDK's",
        };
        line("id", format!("in the cookie {} for {} days, {prefer}", id.cookie, id.days))?;
    }
    if let Some(vendors) = &identity.vendors {
        let name = |vendor| serde_json::to_value(vendor).ok().as_ref().and_then(Value::as_str).map(str::to_owned);
        let names = vendors.names.iter().filter_map(name).chain(vendors.click_ids.iter().cloned());
        let names = names.collect::<Vec<_>>().join(", ");
        let own = vendors.consent.as_ref().map(|consent| format!(", with consent to {}", consent.join(", ")));
        let kept = format!("in the cookie {} for {} days", vendors.cookie, vendors.days);
        line("clicks", format!("of {names}, {kept}{}", own.unwrap_or_default()))?;
    }
    if identity.campaign {
        line("campaign", "from the page's URL".to_owned())?;
    }
    if let Some(session) = &identity.session {
        line("session", format!("ends after {} minutes, in the cookie {}", session.minutes, session.cookie))?;
    }
    if let Some(links) = &identity.links {
        line("links", format!("between ids for {} days, {} at most", links.days, links.max))?;
    }
    if [identity.id.is_some(), identity.vendors.is_some(), identity.session.is_some()].contains(&true) {
        let same_site = match identity.same_site {
            SameSite::Lax => "lax",
            SameSite::Strict => "strict",
            SameSite::None => "none",
        };
        let domain = identity.domain.as_deref().unwrap_or("the collector's own host");
        line("cookies", format!("for {domain}, SameSite {same_site}"))?;
    }
    Ok(())
}
