//! Profile updates, of users and of groups.

use alloc::format;

use serde::{Serialize, Serializer};
use tagyard_tag::{Event, Object};

use crate::bounded::Fields;

const TOKEN: &str = "{{secret:project_token}}";

#[derive(Serialize)]
pub(crate) struct Profile<'e> {
    #[serde(rename = "$token")]
    token: &'static str,
    #[serde(rename = "$distinct_id")]
    distinct_id: &'e str,
    #[serde(rename = "$ip")]
    ip: &'e str,
    #[serde(rename = "$set")]
    set: Traits<'e>,
}

#[derive(Serialize)]
pub(crate) struct GroupProfile<'e> {
    #[serde(rename = "$token")]
    token: &'static str,
    #[serde(rename = "$group_key")]
    key: &'e str,
    #[serde(rename = "$group_id")]
    id: &'e str,
    #[serde(rename = "$set")]
    set: Traits<'e>,
}

struct Traits<'e>(&'e Object<'e>);

impl<'e> Profile<'e> {
    pub(crate) fn of(event: &'e Event<'e>, user: &'e str) -> Self {
        Profile { token: TOKEN, distinct_id: user, ip: ip(event), set: Traits(&event.traits) }
    }
}

impl<'e> GroupProfile<'e> {
    pub(crate) fn of(event: &'e Event<'e>, key: &'e str, id: &'e str) -> Self {
        GroupProfile { token: TOKEN, key, id, set: Traits(&event.traits) }
    }
}

/// The client's address, or `0`, by which Mixpanel does not take our host's address for the client's.
/// Source: Import Events, GeoIP Enrichment.
pub(crate) fn ip<'e>(event: &'e Event<'e>) -> &'e str {
    event.context.str_at("ip").unwrap_or("0")
}

/// Mixpanel's own name of a trait of the Segment spec. Source: Reserved Properties, Reserved Profile Properties.
fn rename(key: &str) -> &str {
    match key {
        "email" => "$email",
        "name" => "$name",
        "firstName" | "first_name" | "firstname" => "$first_name",
        "lastName" | "last_name" | "lastname" => "$last_name",
        "phone" => "$phone",
        "avatar" => "$avatar",
        "username" => "$username",
        "createdAt" | "created_at" | "created" => "$created",
        _ => key,
    }
}

impl Serialize for Traits<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields::new(serializer.serialize_map(None)?);
        let (mut first, mut last) = (None, None);
        for (key, value) in self.0.iter() {
            let name = rename(key);
            match name {
                "$first_name" => first = value.as_str(),
                "$last_name" => last = value.as_str(),
                _ => {}
            }
            fields.value(name, Some(value))?;
        }
        if let (Some(first), Some(last)) = (first, last) {
            fields.put("$name", Some(format!("{first} {last}")))?;
        }
        fields.end()
    }
}
