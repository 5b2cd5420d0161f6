//! What sources with other names for it say about a page, a screen and a number, brought to the names of the Segment spec.

use serde_json::{Map, Number, Value};
use url::Url;

/// Puts a value, if there is one.
pub(super) fn put(object: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value.into());
    }
}

/// Puts an object, if there is anything in it.
pub(super) fn put_object(object: &mut Map<String, Value>, name: &str, value: Map<String, Value>) {
    if !value.is_empty() {
        object.insert(name.to_owned(), Value::Object(value));
    }
}

/// A page, as `context.page` has it; a page event's `properties` say the same.
pub(super) fn page(url: Option<&str>, title: Option<&str>, referrer: Option<&str>) -> Map<String, Value> {
    let mut page = Map::new();
    put(&mut page, "url", url);
    put(&mut page, "title", title);
    put(&mut page, "referrer", referrer);
    if let Some(url) = url.and_then(|url| Url::parse(url).ok()) {
        put(&mut page, "path", Some(url.path()));
        put(&mut page, "search", url.query().map(|query| format!("?{query}")));
    }
    page
}

/// Width and height of `1280x720`.
pub(super) fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// A number that came as text; text that is none stays what it is.
pub(super) fn number(text: &str) -> Value {
    let whole = || text.parse::<i64>().ok().map(Number::from);
    let number = whole().or_else(|| Number::from_f64(text.parse().ok()?));
    number.map_or_else(|| Value::from(text), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_sizes_are_read_as_they_are_meant() {
        let check = |text: &str, expected: Value| assert_eq!(number(text), expected, "{text}");
        check("12", json!(12));
        check("12.5", json!(12.5));
        check("-0.5", json!(-0.5));
        check("1e400", json!("1e400"));
        check("NaN", json!("NaN"));
        check("twelve", json!("twelve"));
        assert_eq!(size("1280x720"), Some((1280, 720)));
        assert_eq!(size("1280"), None);
        assert_eq!(size("-1x2"), None);
    }

    #[test]
    fn a_page_has_the_parts_of_its_address() {
        let page = page(Some("https://shop.example/mugs?a=1#top"), None, Some(""));
        assert_eq!(
            Value::Object(page),
            json!({"url": "https://shop.example/mugs?a=1#top", "path": "/mugs", "search": "?a=1", "referrer": ""})
        );
        assert_eq!(Value::Object(super::page(Some("no address"), None, None)), json!({"url": "no address"}));
    }
}
