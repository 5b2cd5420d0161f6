//! One event as `/import` takes it.

use alloc::borrow::Cow;

use serde::{Serialize, Serializer};
use tagyard_tag::{Event, Kind};

use crate::agent::Agent;
use crate::bounded::Fields;
use crate::ids::{Ids, insert_id};
use crate::profile::ip;
use crate::settings::Settings;

#[derive(Serialize)]
pub(crate) struct Import<'e> {
    event: &'e str,
    properties: Properties<'e>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum What {
    Track,
    /// Links an anonymous ID to the user's.
    Identify,
    /// Links two IDs of a user.
    Alias,
}

struct Properties<'e> {
    event: &'e Event<'e>,
    what: What,
    ids: Ids<'e>,
    insert_id: Cow<'e, str>,
    millis: i64,
    group_key: Option<&'e str>,
}

/// Default properties, and where in `context` they come from. Source: Default Properties.
const DEFAULTS: [(&str, &str); 18] = [
    ("$current_url", "page.url"),
    ("$referrer", "page.referrer"),
    ("utm_source", "campaign.source"),
    ("utm_medium", "campaign.medium"),
    ("utm_campaign", "campaign.name"),
    ("utm_term", "campaign.term"),
    ("utm_content", "campaign.content"),
    ("$os_version", "os.version"),
    ("$manufacturer", "device.manufacturer"),
    ("$model", "device.model"),
    ("$app_version_string", "app.version"),
    ("$app_build_number", "app.build"),
    ("$carrier", "network.carrier"),
    ("$city", "location.city"),
    ("$region", "location.region"),
    ("mp_lib", "library.name"),
    ("$lib_version", "library.version"),
    ("$os", "os.name"),
];

/// Default properties that are no texts.
const VALUES: [(&str, &str); 3] =
    [("$screen_width", "screen.width"), ("$screen_height", "screen.height"), ("$wifi", "network.wifi")];

impl<'e> Import<'e> {
    /// # Errors
    /// Says what is missing that Mixpanel needs.
    pub(crate) fn of(
        event: &'e Event<'e>,
        name: &'e str,
        what: What,
        ids: Ids<'e>,
        settings: &'e Settings,
    ) -> Result<Self, &'static str> {
        let message_id = event.message_id.as_deref().filter(|id| !id.is_empty());
        let message_id = message_id.ok_or("Mixpanel needs `messageId`, to know an event that is sent again")?;
        let micros = event.timestamp_micros().ok_or("Mixpanel needs `timestamp`, as RFC 3339 writes it")?;
        let properties = Properties {
            event,
            what,
            ids,
            insert_id: insert_id(message_id),
            millis: micros / 1000,
            group_key: settings.group_key.as_deref(),
        };
        Ok(Import { event: name, properties })
    }
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = Fields::new(serializer.serialize_map(None)?);
        fields.put("time", Some(self.millis))?;
        fields.put("$insert_id", Some(&self.insert_id))?;
        match self.what {
            What::Alias => {
                fields.put("distinct_id", self.ids.previous)?;
                fields.put("alias", self.ids.user)?;
                fields.put("token", Some("{{secret:project_token}}"))?;
            }
            What::Identify => {
                fields.put("distinct_id", self.ids.user)?;
                fields.put("$identified_id", self.ids.user)?;
                fields.put("$anon_id", self.ids.device)?;
                fields.put("token", Some("{{secret:project_token}}"))?;
            }
            What::Track => {
                fields.put("distinct_id", Some(self.ids.distinct))?;
                fields.put("$device_id", self.ids.device)?;
                fields.put("$user_id", self.ids.user)?;
                self.context(&mut fields)?;
                self.own(&mut fields)?;
            }
        }
        fields.end()
    }
}

impl<'e> Properties<'e> {
    fn context<M: serde::ser::SerializeMap>(&'e self, fields: &mut Fields<'e, M>) -> Result<(), M::Error> {
        let context = &self.event.context;
        fields.put("ip", Some(ip(self.event)))?;
        for (name, path) in DEFAULTS {
            fields.text(name, context, path)?;
        }
        for (name, path) in VALUES {
            fields.value(name, context.at(path))?;
        }
        let country = context.str_at("location.country").filter(|country| country.len() == 2);
        fields.put("mp_country_code", country)?;
        fields.put("$referring_domain", context.str_at("page.referrer").and_then(domain))?;
        if let Some(agent) = context.str_at("userAgent").map(Agent::of) {
            fields.put("$browser", agent.browser)?;
            fields.put("$browser_version", agent.version)?;
            fields.put("$os", agent.os)?;
        }
        if let Some(key) = self.group_key {
            fields.text(key, context, "groupId")?;
        }
        Ok(())
    }

    /// What the event says itself.
    fn own<M: serde::ser::SerializeMap>(&'e self, fields: &mut Fields<'e, M>) -> Result<(), M::Error> {
        for (key, value) in self.event.properties.iter() {
            // Mixpanel would read it as the token of the project to import into.
            if key != "token" {
                fields.value(key, Some(value))?;
            }
        }
        if self.event.kind != Kind::Track {
            fields.put("name", self.event.name())?;
            fields.put("category", self.event.category.as_deref())?;
        }
        Ok(())
    }
}

fn domain(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(host).filter(|host| !host.is_empty())
}
