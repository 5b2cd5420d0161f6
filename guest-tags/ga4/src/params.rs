//! The parameters of one GA4 event.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tagyard_tag::{Event, Kind, Number, Object, Value};

use crate::items::Items;
use crate::names::{MAX_NAME, has_reserved_prefix, legal};
use crate::person::session_id;
use crate::settings::{Debug, Settings};
use crate::text::cut;

/// Most parameters of one event. Source: Send Measurement Protocol events, Limitations.
const MAX_PARAMS: usize = 25;

/// Most characters of a value. Source: Send Measurement Protocol events, Limitations.
pub(crate) const MAX_VALUE: usize = 100;

/// The longer limits of three parameters. Source: Analytics Help, Event collection limits.
const MAX_PAGE_LOCATION: usize = 1000;
const MAX_PAGE_REFERRER: usize = 420;
const MAX_PAGE_TITLE: usize = 300;

/// GA4 shows activity in Realtime and counts the user as active only with a positive engagement time; an event that was not
/// measured in the browser gets the least one. Source: Measurement Protocol reference, Common event parameters.
const LEAST_ENGAGEMENT_MSEC: u64 = 1;

/// In the order in which they are written; the first of a name counts.
pub(crate) struct Params<'e>(Vec<(Cow<'e, str>, Param<'e>)>);

#[derive(PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Param<'e> {
    Text(&'e str),
    Number(Number),
    Items(Items<'e>),
}

impl<'e> Param<'e> {
    /// A scalar; GA4 takes no nested values, and no empty ones.
    pub(crate) fn of(value: &'e Value<'e>, max: usize) -> Option<Self> {
        match value {
            Value::String(text) if !text.is_empty() => Some(Param::Text(cut(text, max))),
            Value::Bool(value) => Some(Param::Text(if *value { "true" } else { "false" })),
            Value::Number(number) => Some(Param::Number(*number)),
            _ => None,
        }
    }

    /// A number, also where it is written as text.
    pub(crate) fn number(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Number(number) => Some(Param::Number(*number)),
            other => other.as_f64().map(|number| Param::Number(Number::Float(number))),
        }
    }
}

impl<'e> Params<'e> {
    /// The parameters of `event` under its GA4 name.
    pub(crate) fn of(event: &'e Event<'e>, name: &str, settings: &'e Settings) -> Self {
        let mut params = Params(Vec::with_capacity(MAX_PARAMS));
        let (properties, context) = (&event.properties, &event.context);
        let session = ["ga.sessionId", "session.id"].iter().find_map(|path| session_id(context.str_at(path)?));
        params.put("session_id", session.map(Param::Text));
        let engagement = properties.get("engagement_time_msec").and_then(Param::number);
        params.put("engagement_time_msec", engagement.or(Some(Param::Number(Number::Unsigned(LEAST_ENGAGEMENT_MSEC)))));
        if settings.debug == Debug::View {
            params.put("debug_mode", Some(Param::Number(Number::Unsigned(1))));
        }
        params.page(event);
        match event.kind {
            Kind::Page => params.put("content_group", event.category.as_deref().map(text)),
            Kind::Screen => params.put("screen_name", event.name().map(text)),
            Kind::Group => params.put("group_id", event.group_id.as_deref().map(text)),
            Kind::Track => params.commerce(properties, name, settings),
            Kind::Identify | Kind::Alias => {}
        }
        let flat = Items::flat(properties, name).is_some();
        let money = revenue(properties, name).map(|(key, _)| key);
        for (key, value) in properties.iter() {
            let done = match event.kind {
                Kind::Page => is_page_key(key),
                _ => flat && Items::reads(key) || money == Some(key),
            };
            if !done && let Some(key) = own_name(rename(name, key)) {
                params.put(key, Param::of(value, MAX_VALUE));
            }
        }
        params
    }

    fn page(&mut self, event: &'e Event<'e>) {
        let own = |key| if event.kind == Kind::Page { event.properties.str_at(key) } else { None };
        let mut put = |name, key, path, max| {
            let value = own(key).or_else(|| event.context.str_at(path));
            self.put(name, value.map(|value| Param::Text(cut(value, max))));
        };
        put("page_location", "url", "page.url", MAX_PAGE_LOCATION);
        put("page_referrer", "referrer", "page.referrer", MAX_PAGE_REFERRER);
        put("page_title", "title", "page.title", MAX_PAGE_TITLE);
    }

    /// What the recommended events ask for: money, items, and what a share is of.
    fn commerce(&mut self, properties: &'e Object<'e>, name: &str, settings: &'e Settings) {
        let items = Items::of(properties, name);
        let currency = properties.str_at("currency").or(settings.currency.as_deref());
        let value = revenue(properties, name).map(|(_, value)| value).or_else(|| {
            let total = currency.and(items.as_ref())?.total()?;
            Some(Param::Number(Number::Float(total)))
        });
        if value.is_some() || items.is_some() {
            self.put("currency", currency.map(text));
        }
        self.put("value", value);
        for key in ["tax", "shipping"] {
            self.put(key, properties.get(key).and_then(Param::number));
        }
        if let "purchase" | "refund" = name {
            let order = ["transaction_id", "order_id", "order_number"];
            self.put("transaction_id", order.iter().find_map(|key| Param::of(properties.get(key)?, MAX_VALUE)));
        }
        if name == "share" {
            for (key, kind) in [("product_id", "product"), ("cart_id", "cart")] {
                if let Some(id) = properties.get(key).and_then(|id| Param::of(id, MAX_VALUE)) {
                    self.put("content_type", Some(Param::Text(kind)));
                    self.put("item_id", Some(id));
                }
            }
        }
        self.put("items", items.map(Param::Items));
    }

    fn put(&mut self, name: impl Into<Cow<'e, str>>, value: Option<Param<'e>>) {
        let (Some(value), name) = (value, name.into()) else { return };
        if self.0.len() < MAX_PARAMS && self.0.iter().all(|(other, _)| *other != name) {
            self.0.push((name, value));
        }
    }
}

/// The GA4 parameter for a property of the Segment spec. Source: Recommended events.
fn rename<'k>(event: &str, key: &'k str) -> &'k str {
    match (event, key) {
        ("purchase" | "refund", "order_id" | "order_number") => "transaction_id",
        ("sign_up", "type") => "method",
        ("search", "query") => "search_term",
        ("add_payment_info" | "add_shipping_info" | "begin_checkout" | "purchase", "payment_method") => "payment_type",
        ("add_payment_info" | "add_shipping_info" | "begin_checkout" | "purchase", "shipping_method") => {
            "shipping_tier"
        }
        ("view_item_list" | "select_item", "list_id") => "item_list_id",
        ("view_item_list", "category") => "item_list_name",
        ("view_promotion" | "select_promotion", "name") => "promotion_name",
        ("view_promotion" | "select_promotion", "creative") => "creative_name",
        ("view_promotion" | "select_promotion", "position") => "creative_slot",
        ("share", "share_via") => "method",
        _ => key,
    }
}

/// The property that is an event's value, and the value.
fn revenue<'e>(properties: &'e Object<'e>, event: &str) -> Option<(&'static str, Param<'e>)> {
    let keys: &[&'static str] = match event {
        // GA4 wants the value without shipping and tax; `total`, which has them, is better than none.
        "purchase" | "refund" => &["value", "revenue", "subtotal", "total"],
        _ => &["value"],
    };
    keys.iter().find_map(|key| Some((*key, properties.get(key).and_then(Param::number)?)))
}

/// The name under which GA4 takes a property that it does not know. `None` for one that is reserved or private.
pub(crate) fn own_name(key: &str) -> Option<Cow<'_, str>> {
    let name = legal(key, MAX_NAME);
    (!name.is_empty() && !key.starts_with('_') && !has_reserved_prefix(&name)).then_some(name)
}

/// What a page call repeats of the page: it is in the `page_…` parameters, or follows from them.
fn is_page_key(key: &str) -> bool {
    matches!(key, "url" | "referrer" | "title" | "path" | "search" | "name" | "category")
}

fn text(value: &str) -> Param<'_> {
    Param::Text(cut(value, MAX_VALUE))
}

impl Serialize for Params<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name.as_ref(), value)?;
        }
        map.end()
    }
}
