//! What an event is about: Meta's "Custom Data Parameters", and the shop's own properties beside them.

use alloc::vec::Vec;

use serde::ser::{Serialize, SerializeMap, Serializer};
use tagyard_tag::{Event, Kind, Object, Value};

use crate::contents::{self, Content, DELIVERY_CATEGORIES};
use crate::money::{Money, NoCurrency};
use crate::names::INITIATE_CHECKOUT;
use crate::numbers::number;
use crate::settings::Settings;
use crate::user_data::PERSONAL;

#[derive(Debug)]
pub(crate) struct CustomData<'a> {
    properties: &'a Object<'a>,
    contents: Vec<Content<'a>>,
    pub(crate) money: Option<Money>,
    checkout: bool,
    /// Whether `name` is that of a product or page.
    named: bool,
    /// Which other properties are sent.
    others: Others,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Others {
    None,
    /// Without those that every page event has and that say only which page it was.
    OfPage,
    All,
}

/// What becomes one of Meta's parameters, or is no business of Meta's.
const TAKEN: [&str; 21] = [
    "value",
    "revenue",
    "currency",
    "products",
    "contents",
    "content_ids",
    "content_type",
    "content_name",
    "name",
    "content_category",
    "category",
    "num_items",
    "order_id",
    "search_string",
    "query",
    "predicted_ltv",
    "product_id",
    "sku",
    "price",
    "quantity",
    "event_id",
];

const OF_PAGE: [&str; 6] = ["url", "path", "search", "title", "referrer", "keywords"];

/// The name of a product or page; of another event it may be a person's, so it is not sent.
const NAME: &str = "name";

/// Meta's parameters that are one text, each with the properties it may come from.
const TEXTS: [(&str, [&str; 2]); 4] = [
    ("content_name", ["content_name", NAME]),
    ("content_category", ["content_category", "category"]),
    ("order_id", ["order_id", "order_id"]),
    ("search_string", ["search_string", "query"]),
];

impl<'a> CustomData<'a> {
    /// # Errors
    /// When the currency is none.
    pub(crate) fn of(event: &'a Event<'a>, name: &str, settings: &Settings) -> Result<Self, NoCurrency> {
        let properties = &event.properties;
        let contents = contents::contents(properties);
        let money = Money::of(properties, &contents, settings)?;
        let others = match (settings.custom_properties, event.kind) {
            (false, _) => Others::None,
            (true, Kind::Page) => Others::OfPage,
            (true, _) => Others::All,
        };
        let checkout = name == INITIATE_CHECKOUT;
        let named = event.kind == Kind::Page || !contents.is_empty();
        Ok(CustomData { properties, contents, money, checkout, named, others })
    }

    /// Whether there is nothing to say, as with most page events.
    pub(crate) fn is_empty(&self) -> bool {
        self.money.is_none()
            && self.properties.iter().all(|(key, value)| !TAKEN.contains(&key) && !self.is_sent(key, value))
    }

    fn is_sent(&self, key: &str, value: &Value<'_>) -> bool {
        let scalar = matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_));
        let wanted = match self.others {
            Others::None => false,
            Others::OfPage => !OF_PAGE.contains(&key),
            Others::All => true,
        };
        let valid =
            key != "delivery_category" || value.as_str().is_some_and(|text| DELIVERY_CATEGORIES.contains(&text));
        wanted && scalar && valid && !TAKEN.contains(&key) && !PERSONAL.contains(&key)
    }
}

impl Serialize for CustomData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(money) = self.money {
            map.serialize_entry("value", &money.value)?;
            map.serialize_entry("currency", &money.currency)?;
        }
        if let Some(ids) = self.properties.get("content_ids").filter(|ids| ids.as_array().is_some()) {
            map.serialize_entry("content_ids", ids)?;
        } else if !self.contents.is_empty() {
            map.serialize_entry("content_ids", &Ids(&self.contents))?;
        }
        if !self.contents.is_empty() {
            map.serialize_entry("contents", &self.contents)?;
        }
        match self.properties.str_at("content_type") {
            Some(kind) => map.serialize_entry("content_type", kind)?,
            None if !self.contents.is_empty() => map.serialize_entry("content_type", "product")?,
            None => {}
        }
        for (name, keys) in TEXTS {
            let keys = keys.into_iter().filter(|&key| self.named || key != NAME);
            let text = keys.filter_map(|key| self.properties.get(key)?.to_text()).find(|text| !text.is_empty());
            if let Some(text) = text {
                map.serialize_entry(name, &text)?;
            }
        }
        let counted = self.checkout.then(|| contents::count(&self.contents)).flatten();
        if let Some(count) = self.properties.get("num_items").and_then(number).or(counted) {
            map.serialize_entry("num_items", &count)?;
        }
        if let Some(value) = self.properties.get("predicted_ltv").and_then(number) {
            map.serialize_entry("predicted_ltv", &value)?;
        }
        for (key, value) in self.properties.iter().filter(|(key, value)| self.is_sent(key, value)) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// The ids of the products, without a list of their own.
struct Ids<'a>(&'a [Content<'a>]);

impl Serialize for Ids<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|content| &content.id))
    }
}
