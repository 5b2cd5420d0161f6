//! Who an event is about: what one request says once for all its events.

use alloc::vec::Vec;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tagyard_tag::{Event, Object, Value};

use crate::params::Param;
use crate::settings::Settings;
use crate::text::cut;

/// Most characters in a user ID. Source: Analytics Help, Best practices for User-ID.
const MAX_USER_ID: usize = 256;

/// Most user properties, and characters in their names and values. Source: Send Measurement Protocol events, Limitations.
const MAX_PROPERTIES: usize = 25;
const MAX_PROPERTY_NAME: usize = 24;
const MAX_PROPERTY_VALUE: usize = 36;

/// Source: Measurement Protocol reference, Reserved user property names.
const RESERVED_PROPERTIES: [&str; 5] =
    ["first_open_time", "first_visit_time", "last_deep_link_referrer", "user_id", "first_open_after_install"];

/// Events with equal ones may travel in one request.
#[derive(PartialEq)]
pub(crate) struct Person<'e> {
    pub(crate) client_id: &'e str,
    pub(crate) user_id: Option<&'e str>,
    pub(crate) user_id_too_long: bool,
    pub(crate) user_agent: Option<&'e str>,
    pub(crate) ip: Option<&'e str>,
    pub(crate) properties: UserProperties<'e>,
    pub(crate) consent: Option<Consent>,
}

#[derive(PartialEq)]
pub(crate) struct UserProperties<'e>(Vec<(&'e str, Param<'e>)>);

#[derive(Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Consent {
    #[serde(skip_serializing_if = "Option::is_none")]
    ad_user_data: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ad_personalization: Option<&'static str>,
}

impl<'e> Person<'e> {
    /// `None` if nothing can stand for a client.
    pub(crate) fn of(event: &'e Event<'e>, settings: &'e Settings) -> Option<Self> {
        let ga_id = event.context.str_at("ga.clientId").map(client_id);
        let user_id = event.user_id.as_deref().filter(|id| !id.is_empty());
        let anonymous_id = event.anonymous_id.as_deref().filter(|id| !id.is_empty());
        let too_long = user_id.is_some_and(|id| cut(id, MAX_USER_ID) != id);
        Some(Person {
            client_id: ga_id.or(anonymous_id).or(user_id)?,
            user_id: user_id.filter(|_| !too_long),
            user_id_too_long: too_long,
            user_agent: event.context.str_at("userAgent"),
            ip: if settings.send_ip { event.context.str_at("ip") } else { None },
            properties: UserProperties::of(event, settings),
            consent: Consent::of(&event.context, &settings.ads_consent),
        })
    }
}

/// The client ID in the value of a `_ga` cookie, such as `GA1.1.123.456`; another text is the ID itself.
fn client_id(text: &str) -> &str {
    match text.strip_prefix("GA1.").and_then(|rest| rest.split_once('.')) {
        Some((_, id)) if !id.is_empty() => id,
        _ => text,
    }
}

/// The session ID in the value of a stream's `_ga_…` cookie, such as `GS1.1.1700000000.3.1` or `GS2.1.s1700000000$o3`;
/// another text is the ID itself. `None` if it is not of digits, which is what GA4 asks for.
pub(crate) fn session_id(text: &str) -> Option<&str> {
    let id = match text.strip_prefix("GS").and_then(|rest| rest.split('.').nth(2)) {
        Some(rest) => rest.strip_prefix('s').unwrap_or(rest).split('$').next()?,
        None => text,
    };
    (!id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())).then_some(id)
}

impl<'e> UserProperties<'e> {
    fn of(event: &'e Event<'e>, settings: &'e Settings) -> Self {
        let mut properties = Vec::new();
        for name in &settings.user_properties {
            let reserved = RESERVED_PROPERTIES.contains(&name.as_str()) || crate::names::has_reserved_prefix(name);
            if reserved || name.len() > MAX_PROPERTY_NAME || properties.len() == MAX_PROPERTIES {
                continue;
            }
            if let Some(value) = event.user_trait(name).and_then(|value| Param::of(value, MAX_PROPERTY_VALUE)) {
                properties.push((name.as_str(), value));
            }
        }
        UserProperties(properties)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for UserProperties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Property<'p, 'e> {
            value: &'p Param<'e>,
        }
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, &Property { value })?;
        }
        map.end()
    }
}

impl Consent {
    fn of(context: &Object<'_>, category: &str) -> Option<Self> {
        let preferences = context.at("consent.categoryPreferences")?.as_object()?;
        let ads = preferences.get(category);
        let read = |name| preferences.get(name).or(ads).and_then(decision);
        let consent = Consent { ad_user_data: read("ad_user_data"), ad_personalization: read("ad_personalization") };
        (consent.ad_user_data.is_some() || consent.ad_personalization.is_some()).then_some(consent)
    }
}

fn decision(value: &Value<'_>) -> Option<&'static str> {
    match value {
        Value::Bool(true) => Some("GRANTED"),
        Value::Bool(false) => Some("DENIED"),
        Value::String(text) if text.eq_ignore_ascii_case("granted") => Some("GRANTED"),
        Value::String(text) if text.eq_ignore_ascii_case("denied") => Some("DENIED"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_come_out_of_cookies() {
        assert_eq!(client_id("GA1.1.1234567.7654321"), "1234567.7654321");
        assert_eq!(client_id("GA1.2-2.1234567.7654321"), "1234567.7654321");
        assert_eq!(client_id("1234567.7654321"), "1234567.7654321");
        assert_eq!(client_id("GA1.1."), "GA1.1.");
    }

    #[test]
    fn session_ids_come_out_of_cookies() {
        assert_eq!(session_id("GS1.1.1763720000.3.1.1763720100.0.0.0"), Some("1763720000"));
        assert_eq!(session_id("GS2.1.s1763720000$o3$g1$t1763720100"), Some("1763720000"));
        assert_eq!(session_id("1763720000"), Some("1763720000"));
        assert_eq!(session_id("a-session"), None);
        assert_eq!(session_id(""), None);
    }
}
