//! GA4's recommended events and the Segment spec's, as Segment's own GA4 destination pairs them.
//!
//! | GA4 | event | parameters that change their name |
//! |---|---|---|
//! | `page_view`, `screen_view` | a page, a screen | `screen_name` is the screen's name |
//! | `join_group` with a `group_id` | a group call | |
//! | `purchase` | `Order Completed` | `transaction_id` → `order_id`, `value` → `revenue`, `payment_type` → `payment_method`, `shipping_tier` → `shipping_method` |
//! | `refund` | `Order Refunded` | `transaction_id` → `order_id`, `value` → `total` |
//! | `view_item` | `Product Viewed` | |
//! | `add_to_cart`, `remove_from_cart` | `Product Added`, `Product Removed` | |
//! | `add_to_wishlist` | `Product Added to Wishlist` | |
//! | `view_cart` | `Cart Viewed` | |
//! | `begin_checkout` | `Checkout Started` | as with `purchase`, but for `value` |
//! | `add_payment_info` | `Payment Info Entered` | `payment_type` → `payment_method` |
//! | `add_shipping_info` with a `shipping_tier` | `Checkout Step Completed` | `shipping_tier` → `shipping_method` |
//! | `view_item_list` | `Product List Viewed` | `item_list_id` → `list_id`, `item_list_name` → `category` |
//! | `select_item` | `Product Clicked` | `item_list_id` → `list_id` |
//! | `view_promotion`, `select_promotion` | `Promotion Viewed`, `Promotion Clicked` | `promotion_name` → `name`, `creative_name` → `creative`, `creative_slot` → `position` |
//! | `search` | `Products Searched` | `search_term` → `query` |
//! | `sign_up`, `login`, `generate_lead` | `Signed Up`, `Signed In`, `Lead Generated` | |
//!
//! Every other name, and `share`, which the spec divides by what is shared, stays as it is. Items are `products`: see
//! [`items`](super::items).

use serde_json::{Map, Value};

use crate::event::Kind;

pub(super) struct Named {
    pub(super) kind: Kind,
    /// The event's name, the screen's, or the group's id.
    pub(super) name: Option<String>,
    pub(super) properties: Map<String, Value>,
}

/// GA4's name, the spec's, and the parameters that change theirs.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const ORDER: [(&str, &str); 3] =
    [("transaction_id", "order_id"), ("payment_type", "payment_method"), ("shipping_tier", "shipping_method")];
const PROMOTION: [(&str, &str); 3] =
    [("promotion_name", "name"), ("creative_name", "creative"), ("creative_slot", "position")];

const EVENTS: [Row; 18] = [
    ("purchase", "Order Completed", &[ORDER[0], ORDER[1], ORDER[2], ("value", "revenue")]),
    ("refund", "Order Refunded", &[ORDER[0], ("value", "total")]),
    ("view_item", "Product Viewed", &[]),
    ("add_to_cart", "Product Added", &[]),
    ("remove_from_cart", "Product Removed", &[]),
    ("add_to_wishlist", "Product Added to Wishlist", &[]),
    ("view_cart", "Cart Viewed", &[]),
    ("begin_checkout", "Checkout Started", &[ORDER[1], ORDER[2]]),
    ("add_payment_info", "Payment Info Entered", &[ORDER[1]]),
    ("add_shipping_info", "Checkout Step Completed", &[ORDER[2]]),
    ("view_item_list", "Product List Viewed", &[("item_list_id", "list_id"), ("item_list_name", "category")]),
    ("select_item", "Product Clicked", &[("item_list_id", "list_id")]),
    ("view_promotion", "Promotion Viewed", &PROMOTION),
    ("select_promotion", "Promotion Clicked", &PROMOTION),
    ("search", "Products Searched", &[("search_term", "query")]),
    ("sign_up", "Signed Up", &[]),
    ("login", "Signed In", &[]),
    ("generate_lead", "Lead Generated", &[]),
];

/// What an event of GA4 is called here.
pub(super) fn of(name: &str, mut properties: Map<String, Value>) -> Named {
    let plain = |kind, name, properties| Named { kind, name, properties };
    match name {
        "page_view" => return plain(Kind::Page, None, properties),
        "screen_view" => {
            let screen = take_text(&mut properties, "screen_name");
            return plain(Kind::Screen, screen, properties);
        }
        "join_group" => {
            if let Some(group) = take_text(&mut properties, "group_id") {
                return plain(Kind::Group, Some(group), properties);
            }
        }
        // The spec's event is told from others by that parameter.
        "add_shipping_info" if !properties.contains_key("shipping_tier") => {
            return plain(Kind::Track, Some(name.to_owned()), properties);
        }
        _ => {}
    }
    let Some((_, spec, renamed)) = EVENTS.iter().find(|(ga4, _, _)| *ga4 == name) else {
        return plain(Kind::Track, Some(name.to_owned()), properties);
    };
    for (from, to) in *renamed {
        // A parameter of the new name is the site's own, and stays.
        if !properties.contains_key(*to)
            && let Some(value) = properties.remove(*from)
        {
            properties.insert((*to).to_owned(), value);
        }
    }
    plain(Kind::Track, Some((*spec).to_owned()), properties)
}

fn take_text(properties: &mut Map<String, Value>, name: &str) -> Option<String> {
    let text = properties.get(name)?.as_str().filter(|text| !text.is_empty())?.to_owned();
    properties.remove(name);
    Some(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn recommended_events_are_the_spec_s() {
        let check = |name: &str, params: Value, kind: Kind, spec: Option<&str>, expected: Value| {
            let named = of(name, params.as_object().unwrap().clone());
            assert_eq!((named.kind, named.name.as_deref()), (kind, spec), "{name}");
            assert_eq!(Value::Object(named.properties), expected, "{name}");
        };
        check(
            "purchase",
            json!({"transaction_id": "o1", "value": 9.5, "tax": 1}),
            Kind::Track,
            Some("Order Completed"),
            json!({"order_id": "o1", "revenue": 9.5, "tax": 1}),
        );
        check(
            "purchase",
            json!({"value": 9, "revenue": 8}),
            Kind::Track,
            Some("Order Completed"),
            json!({"value": 9, "revenue": 8}),
        );
        check("page_view", json!({"a": 1}), Kind::Page, None, json!({"a": 1}));
        check("screen_view", json!({"screen_name": "Basket"}), Kind::Screen, Some("Basket"), json!({}));
        check("join_group", json!({"group_id": "g"}), Kind::Group, Some("g"), json!({}));
        check("join_group", json!({}), Kind::Track, Some("join_group"), json!({}));
        check("add_shipping_info", json!({}), Kind::Track, Some("add_shipping_info"), json!({}));
        check(
            "add_shipping_info",
            json!({"shipping_tier": "parcel"}),
            Kind::Track,
            Some("Checkout Step Completed"),
            json!({"shipping_method": "parcel"}),
        );
        check("file_download", json!({"link_url": "x"}), Kind::Track, Some("file_download"), json!({"link_url": "x"}));
    }
}
