//! Whom an event is about: Meta's "Customer Information Parameters".

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::Serialize;
use tagyard_tag::{Event, Value};

use crate::click_id;
use crate::hash::Hash;
use crate::normalise::{self, Country};

#[derive(Debug, Default, Serialize)]
pub(crate) struct UserData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    em: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ph: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "fn")]
    first_name: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "ln")]
    last_name: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    db: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ge: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ct: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    st: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zp: Option<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<Hash>,
    /// The user's id and the anonymous one, which the browser's pixel may know the person by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_id: Vec<Hash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_ip_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fbc: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fbp: Option<&'a str>,
}

/// The keys of an event's properties that say who somebody is. Meta refuses contact information that is not hashed, so these
/// are never sent as custom properties.
pub(crate) const PERSONAL: [&str; 24] = [
    "email",
    "phone",
    "firstName",
    "first_name",
    "lastName",
    "last_name",
    "birthday",
    "gender",
    "address",
    "city",
    "state",
    "postalCode",
    "postal_code",
    "zip",
    "country",
    "street",
    "ip",
    "userAgent",
    "userId",
    "user_id",
    "username",
    "fbc",
    "fbp",
    "fbclid",
];

impl<'a> UserData<'a> {
    pub(crate) fn of(event: &'a Event<'_>, micros: i64) -> Self {
        let hash = |paths: &[&str], normalise: fn(_) -> _| Hash::of(&personal(event, paths)?, normalise);
        let country = personal(event, &["address.country"]);
        let known = country.as_deref().and_then(|name| normalise::country(name.trim().to_lowercase()));
        let place = match known.as_deref() {
            Some("us") => Country::UnitedStates,
            Some(_) => Country::Other,
            None => Country::Unknown,
        };
        let context = &event.context;
        UserData {
            em: hash(&["email"], normalise::email),
            ph: hash(&["phone"], normalise::phone),
            first_name: hash(&["firstName", "first_name"], normalise::plain),
            last_name: hash(&["lastName", "last_name"], normalise::plain),
            db: hash(&["birthday"], normalise::birthday),
            ge: hash(&["gender"], normalise::gender),
            ct: hash(&["address.city"], normalise::plain),
            st: personal(event, &["address.state"])
                .and_then(|state| Hash::of(&state, |text| normalise::state(text, place))),
            zp: personal(event, &["address.postalCode", "address.postal_code"])
                .and_then(|code| Hash::of(&code, |text| normalise::postal_code(text, place))),
            country: country.and_then(|country| Hash::of(&country, normalise::country)),
            external_id: [&event.user_id, &event.anonymous_id]
                .into_iter()
                .filter_map(|id| Hash::of(id.as_deref()?, Some))
                .collect(),
            client_ip_address: context.str_at("ip").filter(|ip| ip.parse::<core::net::IpAddr>().is_ok()),
            client_user_agent: context.str_at("userAgent"),
            fbc: click_id::of(event, micros),
            fbp: click_id::cookie(event, "fbp"),
        }
    }

    /// Whether Meta takes it, by "Best Practices: Baseline requirements for matching": an event is invalid if it has no more
    /// than one of four combinations that fit too many people.
    pub(crate) fn identifies(&self) -> bool {
        let UserData { em, ph, first_name, last_name, db, ge, ct, st, zp, country, .. } = self;
        if em.is_some() || ph.is_some() || !self.external_id.is_empty() {
            return true;
        }
        if self.client_ip_address.is_some() || self.fbc.is_some() || self.fbp.is_some() {
            return true;
        }
        let agent = self.client_user_agent.is_some();
        let place = ct.is_some() || st.is_some() || zp.is_some() || country.is_some();
        let (first, last, born, gender) = (first_name.is_some(), last_name.is_some(), db.is_some(), ge.is_some());
        let place_gender_and_agent = !first && !last && !born;
        let birthday_and_agent = !first && !last && !gender && !place;
        let first_name_and_gender = !last && !born && !place && !agent;
        let last_name_and_gender = !first && !born && !place && !agent;
        !(place_gender_and_agent || birthday_and_agent || first_name_and_gender || last_name_and_gender)
    }
}

/// A trait of the user, or else what the event's own properties say of them.
fn personal<'a>(event: &'a Event<'_>, paths: &[&str]) -> Option<Cow<'a, str>> {
    let traits = event.context.get("traits").and_then(Value::as_object);
    [traits, Some(&event.properties)]
        .into_iter()
        .flatten()
        .find_map(|object| paths.iter().find_map(|path| object.at(path)?.to_text().filter(|text| !text.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(event: &str, expected: bool) -> Result<(), serde::de::value::Error> {
        use serde::de::Error;
        let event = Event::parse(0, event).map_err(Error::custom)?;
        assert_eq!(UserData::of(&event, 0).identifies(), expected, "{}", event.text);
        Ok(())
    }

    #[test]
    fn an_event_has_to_say_more_than_fits_many_people() -> Result<(), serde::de::value::Error> {
        for (event, expected) in [
            (r#"{"type":"track"}"#, false),
            (r#"{"type":"track","context":{"userAgent":"a"}}"#, false),
            (r#"{"type":"track","context":{"userAgent":"a","traits":{"gender":"f","address":{"city":"Ulm"}}}}"#, false),
            (r#"{"type":"track","context":{"userAgent":"a","traits":{"birthday":"1990-01-01"}}}"#, false),
            (r#"{"type":"track","context":{"traits":{"firstName":"Jane","gender":"f"}}}"#, false),
            (r#"{"type":"track","context":{"traits":{"lastName":"Doe","gender":"f"}}}"#, false),
            (r#"{"type":"track","context":{"traits":{"firstName":"Jane","lastName":"Doe"}}}"#, true),
            (r#"{"type":"track","context":{"traits":{"birthday":"1990-01-01","gender":"f"}}}"#, true),
            (r#"{"type":"track","context":{"traits":{"email":"jane@shop.example"}}}"#, true),
            (r#"{"type":"track","context":{"traits":{"email":"unknown"}}}"#, false),
            (r#"{"type":"track","context":{"ip":"203.0.113.7"}}"#, true),
            (r#"{"type":"track","context":{"ip":"unknown","fbp":"none"}}"#, false),
            (r#"{"type":"track","context":{"page":{"url":"https://shop.example/?fbclid=Ab"}}}"#, true),
            (r#"{"type":"track","anonymousId":"anon-7c1e"}"#, true),
        ] {
            check(event, expected)?;
        }
        Ok(())
    }
}
