//! The items of an e-commerce event: GA4's from the Segment spec's products, or GA4's own as they are.

use alloc::vec::Vec;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use tagyard_tag::{Object, Value};

use crate::params::{MAX_VALUE, Param, own_name};

/// Most items of one event. Source: Analytics Help, Event collection limits.
const MAX_ITEMS: usize = 200;

/// Most parameters of an item that GA4 does not know itself. Source: Send Measurement Protocol events, Limitations.
const MAX_CUSTOM: usize = 10;

/// GA4's item parameters, whether they are numbers, and the properties they come from. Source: Recommended events.
const FIELDS: [(&str, bool, &[&str]); 22] = [
    ("item_id", false, &["item_id", "product_id", "sku", "id"]),
    ("item_name", false, &["item_name", "name"]),
    ("affiliation", false, &["affiliation"]),
    ("coupon", false, &["coupon"]),
    ("discount", true, &["discount"]),
    ("index", true, &["index", "position"]),
    ("item_brand", false, &["item_brand", "brand"]),
    ("item_category", false, &["item_category", "category"]),
    ("item_category2", false, &["item_category2"]),
    ("item_category3", false, &["item_category3"]),
    ("item_category4", false, &["item_category4"]),
    ("item_category5", false, &["item_category5"]),
    ("item_list_id", false, &["item_list_id", "list_id"]),
    ("item_list_name", false, &["item_list_name"]),
    ("item_variant", false, &["item_variant", "variant"]),
    ("location_id", false, &["location_id"]),
    ("price", true, &["price"]),
    ("quantity", true, &["quantity"]),
    ("promotion_id", false, &["promotion_id"]),
    ("promotion_name", false, &["promotion_name"]),
    ("creative_name", false, &["creative_name"]),
    ("creative_slot", false, &["creative_slot"]),
];

/// Products' addresses, which GA4 has no use for and would cut short, and the currency, which is the event's.
const LEFT_OUT: [&str; 3] = ["url", "image_url", "currency"];

#[derive(PartialEq)]
pub(crate) enum Items<'e> {
    List(Vec<&'e Object<'e>>),
    /// The event's own properties are the product.
    Flat(&'e Object<'e>),
}

impl<'e> Items<'e> {
    pub(crate) fn of(properties: &'e Object<'e>, event: &str) -> Option<Self> {
        match list(properties) {
            Some(list) => {
                let named = list.iter().filter_map(Value::as_object).filter(|item| is_named(item));
                let items: Vec<_> = named.take(MAX_ITEMS).collect();
                (!items.is_empty()).then_some(Items::List(items))
            }
            None => Self::flat(properties, event).map(Items::Flat),
        }
    }

    /// The product that the event's own properties are, if it is of that kind.
    pub(crate) fn flat(properties: &'e Object<'e>, event: &str) -> Option<&'e Object<'e>> {
        let one = matches!(event, "view_item" | "add_to_cart" | "remove_from_cart" | "select_item" | "add_to_wishlist");
        (one && list(properties).is_none() && is_named(properties)).then_some(properties)
    }

    /// Whether a property of a flat product goes into its item.
    pub(crate) fn reads(key: &str) -> bool {
        LEFT_OUT.contains(&key) || FIELDS.iter().any(|(_, _, from)| from.contains(&key))
    }

    /// What the items cost together, if the price of one is known.
    pub(crate) fn total(&self) -> Option<f64> {
        let costs: &mut dyn Iterator<Item = f64> = match self {
            Items::List(items) => &mut items.iter().filter_map(|item| cost(item)),
            Items::Flat(item) => &mut cost(item).into_iter(),
        };
        let first = costs.next()?;
        Some(tidy(costs.fold(first, |sum, cost| sum + cost)))
    }
}

fn list<'e>(properties: &'e Object<'e>) -> Option<&'e [Value<'e>]> {
    ["items", "products"].into_iter().find_map(|key| properties.get(key)?.as_array())
}

/// GA4 needs the ID or the name of an item.
fn is_named(item: &Object<'_>) -> bool {
    FIELDS[..2].iter().any(|(_, _, from)| first(item, from).is_some_and(|value| Param::of(value, MAX_VALUE).is_some()))
}

fn first<'e>(item: &'e Object<'e>, keys: &[&str]) -> Option<&'e Value<'e>> {
    keys.iter().find_map(|key| item.get(key).filter(|value| !value.is_null()))
}

fn cost(item: &Object<'_>) -> Option<f64> {
    let price = item.get("price")?.as_f64()?;
    Some(price * item.get("quantity").and_then(Value::as_f64).unwrap_or(1.0))
}

/// Without the last digits that adding up leaves: 59.97, not 59.970000000000006.
fn tidy(sum: f64) -> f64 {
    const DIGITS: f64 = 1e6;
    // A larger sum has no such digits to lose.
    if sum.abs() > 1e9 {
        return sum;
    }
    let half = if sum < 0.0 { -0.5 } else { 0.5 };
    (sum * DIGITS + half) as i64 as f64 / DIGITS
}

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(None)?;
        match self {
            Items::List(items) => {
                for item in items {
                    sequence.serialize_element(&Item { from: item, custom: true })?;
                }
            }
            Items::Flat(item) => sequence.serialize_element(&Item { from: item, custom: false })?,
        }
        sequence.end()
    }
}

struct Item<'e> {
    from: &'e Object<'e>,
    /// Whether what GA4 does not know goes along; of a flat product it is the event's.
    custom: bool,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, is_number, from) in &FIELDS {
            let Some(value) = first(self.from, from) else { continue };
            let param = if *is_number { Param::number(value) } else { Param::of(value, MAX_VALUE) };
            if let Some(param) = param {
                map.serialize_entry(name, &param)?;
            }
        }
        if self.custom {
            let mut left = MAX_CUSTOM;
            for (key, value) in self.from.iter().filter(|(key, _)| !Items::reads(key)) {
                let (Some(name), Some(param)) = (own_name(key), Param::of(value, MAX_VALUE)) else { continue };
                // A legal name may turn out to be one that is written already.
                if left > 0 && !Items::reads(&name) {
                    left -= 1;
                    map.serialize_entry(name.as_ref(), &param)?;
                }
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::tidy;

    #[test]
    fn sums_are_tidy() {
        assert_eq!(tidy(19.99 + 19.99 + 19.99), 59.97);
        assert_eq!(tidy(0.1 + 0.2), 0.3);
        assert_eq!(tidy(-0.1 - 0.2), -0.3);
        assert_eq!(tidy(1e12), 1e12);
    }
}
