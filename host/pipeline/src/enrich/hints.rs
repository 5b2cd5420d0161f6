//! Client hints: what a browser says of itself in headers, in the shape in which SDKs put it into `context.userAgentData`.

use http::HeaderMap;
use serde_json::{Map, Value, json};
use sfv::{BareItem, FieldType, Item, List, ListEntry, Parser};

use crate::object::Object;

/// What answers ask for with `Accept-CH`, where the container wants it. Browsers send the rest unasked, or it is nobody's business.
pub const ACCEPT_CH: &str = "Sec-CH-UA-Full-Version-List, Sec-CH-UA-Model, Sec-CH-UA-Platform-Version";

/// The longest header that is read; real ones have under 200 bytes.
const MAX_HINT_BYTES: usize = 512;

/// The most browsers of a list: three in practice.
const MAX_BRANDS: usize = 16;

/// Texts, by the names that they have in a page's `navigator.userAgentData`.
const TEXTS: [(&str, &str); 5] = [
    ("sec-ch-ua-platform", "platform"),
    ("sec-ch-ua-platform-version", "platformVersion"),
    ("sec-ch-ua-model", "model"),
    ("sec-ch-ua-arch", "architecture"),
    ("sec-ch-ua-bitness", "bitness"),
];

const BRANDS: [(&str, &str); 2] = [("sec-ch-ua", "brands"), ("sec-ch-ua-full-version-list", "fullVersionList")];

/// What a request's headers say, if its browser says anything. What is malformed is left out.
pub(super) fn read(headers: &HeaderMap) -> Option<Object> {
    // Every browser that sends hints sends this one.
    headers.get("sec-ch-ua")?;
    let mut data = Map::new();
    for (header, name) in BRANDS {
        if let Some(brands) = parsed::<List>(headers, header).map(|list| brands(&list)).filter(|list| !list.is_empty())
        {
            data.insert(name.to_owned(), Value::from(brands));
        }
    }
    if let Some(BareItem::Boolean(mobile)) = parsed::<Item>(headers, "sec-ch-ua-mobile").map(|item| item.bare_item) {
        data.insert("mobile".to_owned(), Value::from(mobile));
    }
    for (header, name) in TEXTS {
        if let Some(BareItem::String(text)) = parsed::<Item>(headers, header).map(|item| item.bare_item)
            && !text.as_str().is_empty()
        {
            data.insert(name.to_owned(), Value::from(text.as_str()));
        }
    }
    (!data.is_empty()).then(|| Object::from(&data))
}

fn parsed<T: FieldType>(headers: &HeaderMap, name: &str) -> Option<T> {
    let value = headers.get(name)?.as_bytes();
    (value.len() <= MAX_HINT_BYTES).then(|| Parser::new(value).parse().ok()).flatten()
}

fn brands(list: &List) -> Vec<Value> {
    let brand = |entry: &ListEntry| {
        let ListEntry::Item(Item { bare_item: BareItem::String(brand), params }) = entry else { return None };
        let Some(BareItem::String(version)) = params.get("v") else { return None };
        Some(json!({"brand": brand.as_str(), "version": version.as_str()}))
    };
    list.iter().filter_map(brand).take(MAX_BRANDS).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_read_as_a_page_would_have_them() {
        let check = |hints: &[(&str, &str)], expected: Option<Value>| {
            let mut headers = HeaderMap::new();
            for (name, value) in hints {
                headers.insert(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
            }
            assert_eq!(read(&headers).map(|data| Value::Object(data.to_map())), expected, "{hints:?}");
        };
        let brands = ("sec-ch-ua", r#""Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99""#);
        let listed = json!([
            {"brand": "Chromium", "version": "130"}, {"brand": "Google Chrome", "version": "130"}, {"brand": "Not?A_Brand", "version": "99"},
        ]);
        check(&[], None);
        check(&[("sec-ch-ua-platform", "\"Windows\"")], None);
        check(
            &[brands, ("sec-ch-ua-mobile", "?0"), ("sec-ch-ua-platform", "\"macOS\"")],
            Some(json!({"brands": listed, "mobile": false, "platform": "macOS"})),
        );
        check(
            &[
                brands,
                ("sec-ch-ua-full-version-list", r#""Not;A\"Brand";v="99.0.0.0", "Chromium";v="130.0.6723.70""#),
                ("sec-ch-ua-mobile", "?1"),
                ("sec-ch-ua-model", "\"Pixel 8\""),
                ("sec-ch-ua-platform", "\"Android\""),
                ("sec-ch-ua-platform-version", "\"15.0.0\""),
                ("sec-ch-ua-arch", "\"\""),
            ],
            Some(json!({
                "brands": listed,
                "fullVersionList": [{"brand": "Not;A\"Brand", "version": "99.0.0.0"}, {"brand": "Chromium", "version": "130.0.6723.70"}],
                "mobile": true, "model": "Pixel 8", "platform": "Android", "platformVersion": "15.0.0",
            })),
        );
        check(&[("sec-ch-ua", "junk\""), ("sec-ch-ua-mobile", "yes"), ("sec-ch-ua-platform", "Windows")], None);
        check(&[("sec-ch-ua", &format!("\"{}\";v=\"1\"", "x".repeat(MAX_HINT_BYTES)))], None);
    }
}
