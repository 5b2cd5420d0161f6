//! The requests to the three endpoints.

use alloc::format;
use alloc::string::String;

use serde::Serialize;
use tagyard_tag::{Auth, Event, Failure, Output, Request};

use crate::profile::{GroupProfile, Profile};
use crate::properties::Import;
use crate::settings::{Region, Settings};

/// Most bytes of one event or profile update, "smaller than 1MB". Whole requests stay below it too, which is well within
/// the 10 MB that `/import` takes. Source: Import Events, High-level requirements; User Profiles, Limits.
const MAX_BODY: usize = 1_000_000;

/// One element of a request's list, and the event that it comes from.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Entry<'e, T> {
    #[serde(skip)]
    pub(crate) event: &'e Event<'e>,
    pub(crate) body: T,
}

pub(crate) fn import(entries: &[Entry<'_, Import<'_>>], settings: &Settings, out: &mut Output) -> Result<(), Failure> {
    let mut url = settings.url("import?strict=1");
    let auth = match (&settings.service_account, &settings.project_id) {
        (Some(account), Some(project)) => {
            url.push_str("&project_id=");
            url.push_str(project);
            (account.clone(), String::from("service_account_secret"))
        }
        _ => (String::from("{{secret:project_token}}"), String::new()),
    };
    send(&url, Some(&Auth::Basic(auth)), entries, out)
}

/// Without `verbose`, the vendor's answer does not say what was wrong.
pub(crate) fn engage(entries: &[Entry<'_, Profile<'_>>], settings: &Settings, out: &mut Output) -> Result<(), Failure> {
    send(&settings.url("engage?verbose=1"), None, entries, out)
}

pub(crate) fn groups(
    entries: &[Entry<'_, GroupProfile<'_>>],
    settings: &Settings,
    out: &mut Output,
) -> Result<(), Failure> {
    send(&settings.url("groups?verbose=1"), None, entries, out)
}

/// One request, or several where one would be too large; none without entries.
fn send<T: Serialize>(
    url: &str,
    auth: Option<&Auth>,
    entries: &[Entry<'_, T>],
    out: &mut Output,
) -> Result<(), Failure> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut request = Request::post(url).json(entries)?;
    if request.body.len() >= MAX_BODY {
        if let [entry] = entries {
            out.reject(entry.event, "it is larger than the 1 MB that Mixpanel takes: send fewer or shorter properties");
            return Ok(());
        }
        let (first, second) = entries.split_at(entries.len() / 2);
        send(url, auth, first, out)?;
        return send(url, auth, second, out);
    }
    request.auth = auth.cloned();
    request.events.extend(entries.iter().map(|entry| entry.event.index));
    out.send(request);
    Ok(())
}

impl Settings {
    fn url(&self, path: &str) -> String {
        let host = match self.region {
            Region::Us => "api",
            Region::Eu => "api-eu",
            Region::In => "api-in",
        };
        format!("https://{host}.mixpanel.com/{path}")
    }
}
