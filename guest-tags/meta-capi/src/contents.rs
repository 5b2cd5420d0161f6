//! The products of an event, as Meta's `contents`.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::Serialize;
use tagyard_tag::{Number, Object, Value};

use crate::numbers::{self, number};

#[derive(Debug, Serialize)]
pub(crate) struct Content<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) quantity: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item_price: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_category: Option<&'a str>,
}

/// What Meta's "Custom Data Parameters" lists for `delivery_category`.
pub(crate) const DELIVERY_CATEGORIES: [&str; 3] = ["in_store", "curbside", "home_delivery"];

/// The products in `properties`: a list of the e-commerce spec, a list in Meta's own shape, or the one product the event is
/// about. One without an id is left out, since Meta refuses it.
pub(crate) fn contents<'a>(properties: &'a Object<'_>) -> Vec<Content<'a>> {
    let list = ["products", "contents"].into_iter().find_map(|key| properties.get(key)?.as_array());
    match list {
        Some(items) => {
            let items = items.iter().filter_map(Value::as_object);
            items.filter_map(|item| content(item, &["product_id", "id", "sku"])).collect()
        }
        // An `id` beside the event's own properties may be that of anything.
        None => content(properties, &["product_id", "sku"]).into_iter().collect(),
    }
}

fn content<'a>(item: &'a Object<'_>, ids: &[&str]) -> Option<Content<'a>> {
    let id = ids.iter().find_map(|key| item.get(key)?.to_text().filter(|id| !id.is_empty()))?;
    Some(Content {
        id,
        quantity: item.get("quantity").and_then(number).unwrap_or(Number::Unsigned(1)),
        item_price: item.get("item_price").or_else(|| item.get("price")).and_then(number),
        delivery_category: item.str_at("delivery_category").filter(|value| DELIVERY_CATEGORIES.contains(value)),
    })
}

/// How many things these are.
pub(crate) fn count(contents: &[Content<'_>]) -> Option<Number> {
    (!contents.is_empty()).then(|| numbers::sum(contents.iter().map(|content| content.quantity.as_f64())))
}
