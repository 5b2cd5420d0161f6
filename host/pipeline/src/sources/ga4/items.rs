//! GA4's items as the spec's `products`.
//!
//! `/g/collect` has each in a parameter of its own, `pr1` to `pr200`: pieces divided by `~`, each a name of two characters and a
//! value, in which `~` is doubled. Parameters of the site's own come in pairs, `k0` the name and `v0` the value.
//!
//! | piece | `/mp/collect` | product |
//! |---|---|---|
//! | `id` | `item_id` | `product_id` |
//! | `nm` | `item_name` | `name` |
//! | `br` | `item_brand` | `brand` |
//! | `ca`, `c2` to `c5` | `item_category`, `item_category2` … | `category`, `item_category2` … |
//! | `va` | `item_variant` | `variant` |
//! | `pr`, `qt`, `cp`, `ds`, `af` | `price`, `quantity`, `coupon`, `discount`, `affiliation` | the same |
//! | `lp` | `index` | `position` |
//! | `li`, `ln` | `item_list_id`, `item_list_name` | the same |
//! | `pi`, `pn`, `cn`, `cs` | `promotion_id`, `promotion_name`, `creative_name`, `creative_slot` | the same |
//! | `lo` | `location_id` | the same |

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::sources::page::number;

const PIECES: [(&str, &str); 24] = [
    ("id", "item_id"),
    ("nm", "item_name"),
    ("br", "item_brand"),
    ("ca", "item_category"),
    ("c2", "item_category2"),
    ("c3", "item_category3"),
    ("c4", "item_category4"),
    ("c5", "item_category5"),
    ("va", "item_variant"),
    ("pr", "price"),
    ("qt", "quantity"),
    ("cp", "coupon"),
    ("ds", "discount"),
    ("af", "affiliation"),
    ("lp", "index"),
    ("li", "item_list_id"),
    ("ln", "item_list_name"),
    ("pi", "promotion_id"),
    ("pn", "promotion_name"),
    ("cn", "creative_name"),
    ("cs", "creative_slot"),
    ("lo", "location_id"),
    ("cu", "currency"),
    ("ps", "creative_slot"),
];

/// Those that are numbers.
const NUMBERS: [&str; 4] = ["price", "quantity", "discount", "index"];

const PRODUCT: [(&str, &str); 6] = [
    ("item_id", "product_id"),
    ("item_name", "name"),
    ("item_brand", "brand"),
    ("item_category", "category"),
    ("item_variant", "variant"),
    ("index", "position"),
];

/// The position of the item that a parameter is, such as `pr3`.
pub(super) fn position(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("pr")?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The product that the value of such a parameter is.
pub(super) fn parse(text: &str) -> Map<String, Value> {
    let mut item = Map::new();
    let mut own: BTreeMap<String, (Option<String>, Option<String>)> = BTreeMap::new();
    for piece in pieces(text) {
        let Some((name, value)) = piece.split_at_checked(2) else { continue };
        if let Some((_, known)) = PIECES.iter().find(|(short, _)| *short == name) {
            let value = if NUMBERS.contains(known) { number(value) } else { Value::from(value) };
            item.insert((*known).to_owned(), value);
        } else if let Some(index) = name.strip_prefix('k') {
            own.entry(index.to_owned()).or_default().0 = Some(value.to_owned());
        } else if let Some(index) = name.strip_prefix('v') {
            own.entry(index.to_owned()).or_default().1 = Some(value.to_owned());
        }
    }
    for (name, value) in own.into_values() {
        if let (Some(name), Some(value)) = (name, value) {
            item.entry(name).or_insert(Value::from(value));
        }
    }
    product(item)
}

/// An item under the spec's names.
pub(super) fn product(mut item: Map<String, Value>) -> Map<String, Value> {
    for (from, to) in PRODUCT {
        if !item.contains_key(to)
            && let Some(value) = item.remove(from)
        {
            item.insert(to.to_owned(), value);
        }
    }
    item
}

/// The text between single tildes; doubled ones become one.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let is_end = char == '~' && chars.next_if_eq(&'~').is_none();
        match pieces.last_mut() {
            Some(piece) if !is_end => piece.push(char),
            _ => pieces.push(String::new()),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pieces_are_a_product() {
        let check = |text: &str, expected: Value| assert_eq!(Value::Object(parse(text)), expected, "{text}");
        check(
            "idP-1~nmEnamel mug~brPotters~caKitchen~c2Mugs~vablue~pr19.5~qt2~lp3~ds1~k0glaze~v0matt~lnAutumn",
            json!({
                "product_id": "P-1", "name": "Enamel mug", "brand": "Potters", "category": "Kitchen",
                "item_category2": "Mugs", "variant": "blue", "price": 19.5, "quantity": 2, "position": 3, "discount": 1,
                "glaze": "matt", "item_list_name": "Autumn",
            }),
        );
        check("nmA~~B~qttwo", json!({"name": "A~B", "quantity": "two"}));
        check("nmA~~~pr1", json!({"name": "A~", "price": 1}));
        check("k0lonely~xx~é~", json!({}));
        check("", json!({}));
    }

    #[test]
    fn an_item_s_parameter_is_told_from_others() {
        let check = |name: &str, expected: Option<u32>| assert_eq!(position(name), expected, "{name}");
        check("pr1", Some(1));
        check("pr200", Some(200));
        check("pr", None);
        check("price", None);
        check("pr1x", None);
        check("pr99999999999", None);
    }
}
