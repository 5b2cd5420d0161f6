//! Names: of events and parameters, and what GA4 makes of the Segment spec's e-commerce events.

use alloc::borrow::Cow;
use alloc::string::String;

use tagyard_tag::Object;

/// Most characters in the name of an event or parameter. Source: Send Measurement Protocol events, Limitations.
pub(crate) const MAX_NAME: usize = 40;

/// Source of the right column: Recommended events. The left column is the Segment spec's, in lower case.
const KNOWN: [(&str, &str); 25] = [
    ("order completed", "purchase"),
    ("order refunded", "refund"),
    ("product viewed", "view_item"),
    ("product added", "add_to_cart"),
    ("wishlist product added to cart", "add_to_cart"),
    ("product removed", "remove_from_cart"),
    ("cart viewed", "view_cart"),
    ("checkout started", "begin_checkout"),
    ("payment info entered", "add_payment_info"),
    ("product list viewed", "view_item_list"),
    ("product list filtered", "view_item_list"),
    ("product clicked", "select_item"),
    ("promotion viewed", "view_promotion"),
    ("promotion clicked", "select_promotion"),
    ("products searched", "search"),
    ("product added to wishlist", "add_to_wishlist"),
    ("product shared", "share"),
    ("cart shared", "share"),
    ("signed up", "sign_up"),
    ("signed in", "login"),
    ("lead generated", "generate_lead"),
    // Widely used names that would be legal, and of no meaning to GA4.
    ("login", "login"),
    ("signup", "sign_up"),
    ("search", "search"),
    ("purchase", "purchase"),
];

/// Source: Measurement Protocol reference, Reserved names; and Event naming rules for what stores and apps report themselves.
const RESERVED_EVENTS: [&str; 35] = [
    "ad_activeview",
    "ad_click",
    "ad_exposure",
    "ad_query",
    "ad_reward",
    "adunit_exposure",
    "app_clear_data",
    "app_exception",
    "app_install",
    "app_remove",
    "app_store_refund",
    "app_store_subscription_cancel",
    "app_store_subscription_convert",
    "app_store_subscription_renew",
    "app_update",
    "app_upgrade",
    "dynamic_link_app_open",
    "dynamic_link_app_update",
    "dynamic_link_first_open",
    "error",
    "firebase_campaign",
    "firebase_in_app_message_action",
    "firebase_in_app_message_dismiss",
    "firebase_in_app_message_impression",
    "first_open",
    "first_visit",
    "in_app_purchase",
    "notification_dismiss",
    "notification_foreground",
    "notification_open",
    "notification_receive",
    "notification_send",
    "os_update",
    "session_start",
    "user_engagement",
];

/// Source: Measurement Protocol reference, Reserved names. None begins with an underscore after [`legal`].
const RESERVED_PREFIXES: [&str; 3] = ["firebase_", "ga_", "google_"];

/// What gtag.js reports of a visit by itself. It comes in where gtag.js sends to the host, and Google makes it up for events of a server.
const OF_VISITS: [&str; 3] = ["first_visit", "session_start", "user_engagement"];

/// The GA4 name of a track event. Empty if nothing of its name is legal.
pub(crate) fn event_name<'e>(name: &'e str, properties: &Object<'_>) -> Cow<'e, str> {
    if let Some((_, known)) = KNOWN.iter().find(|(spec, _)| same(name, spec)) {
        return Cow::Borrowed(known);
    }
    // The spec has one event for every step of a checkout; GA4 has one for each of two steps.
    if same(name, "checkout step completed") {
        if properties.get("shipping_method").is_some() {
            return Cow::Borrowed("add_shipping_info");
        }
        if properties.get("payment_method").is_some() {
            return Cow::Borrowed("add_payment_info");
        }
    }
    legal(name, MAX_NAME)
}

pub(crate) fn is_of_visits(name: &str) -> bool {
    OF_VISITS.contains(&name)
}

pub(crate) fn is_reserved_event(name: &str) -> bool {
    has_reserved_prefix(name) || RESERVED_EVENTS.contains(&name)
}

pub(crate) fn has_reserved_prefix(name: &str) -> bool {
    RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A name of letters, digits and underscores that begins with a letter: as it is where it is legal, or else in snake case.
pub(crate) fn legal(name: &str, max: usize) -> Cow<'_, str> {
    let is_legal = name.len() <= max
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_legal {
        return Cow::Borrowed(name);
    }
    let mut made = String::with_capacity(name.len());
    let mut length = 0;
    let mut gap = false;
    for char in name.chars() {
        let fits = if made.is_empty() { char.is_alphabetic() } else { char.is_alphanumeric() };
        if !fits {
            gap = !made.is_empty();
            continue;
        }
        length += 1 + usize::from(gap);
        if length > max {
            break;
        }
        if gap {
            made.push('_');
        }
        gap = false;
        // One character for one, so that the length stays what was counted.
        made.push(char.to_lowercase().next().unwrap_or(char));
    }
    Cow::Owned(made)
}

/// Whether `name` is `spec` in another case, or with `_` or `-` for its spaces.
fn same(name: &str, spec: &str) -> bool {
    name.len() == spec.len()
        && name.bytes().zip(spec.bytes()).all(|(a, b)| match a {
            b'_' | b'-' => b == b' ',
            _ => a.to_ascii_lowercase() == b,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &str) {
        assert_eq!(event_name(name, &Object::default()), expected, "{name}");
    }

    #[test]
    fn spec_names_become_recommended_ones() {
        check("Order Completed", "purchase");
        check("order_completed", "purchase");
        check("ORDER-COMPLETED", "purchase");
        check("Order Cancelled", "order_cancelled");
        check("Login", "login");
        check("Checkout Step Completed", "checkout_step_completed");
    }

    #[test]
    fn own_names_become_legal() {
        check("add_to_cart", "add_to_cart");
        check("Some_Event", "Some_Event");
        check("Course Clicked!", "course_clicked");
        check("  2nd -- Step  (b)", "nd_step_b");
        check("Größe gewählt", "größe_gewählt");
        check("!!!", "");
        check(&"long name ".repeat(9), "long_name_long_name_long_name_long_name");
        check(&"x".repeat(60), &"x".repeat(40));
    }

    #[test]
    fn reserved_names_are_known() {
        for name in ["session_start", "error", "ga_thing", "google_x", "firebase_y"] {
            assert!(is_reserved_event(name), "{name}");
        }
        for name in ["page_view", "gallery_opened", "purchase"] {
            assert!(!is_reserved_event(name), "{name}");
        }
    }
}
