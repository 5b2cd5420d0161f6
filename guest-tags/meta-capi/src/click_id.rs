//! The click on an advertisement and the browser, by Meta's "ClickID and the fbp and fbc Parameters".

use alloc::borrow::Cow;
use alloc::format;

use tagyard_tag::{Event, Kind};

/// The `_fbc` cookie, or else the same built from the `fbclid` of the page's address: `fb.1.<milliseconds>.<fbclid>`, where 1
/// is what Meta names for a server that stores no cookie.
pub(crate) fn of<'a>(event: &'a Event<'_>, micros: i64) -> Option<Cow<'a, str>> {
    if let Some(fbc) = cookie(event, "fbc") {
        return Some(Cow::Borrowed(fbc));
    }
    let clicked = event.properties.str_at("fbclid").or_else(|| query_value(page_url(event)?, "fbclid"))?;
    Some(Cow::Owned(format!("fb.1.{}.{clicked}", micros.div_euclid(1000))))
}

/// The address of the page, which a page event may also name among its properties.
pub(crate) fn page_url<'a>(event: &'a Event<'_>) -> Option<&'a str> {
    let own = || (event.kind == Kind::Page).then(|| event.properties.str_at("url")).flatten();
    event.context.str_at("page.url").or_else(own).filter(|url| is_web(url))
}

/// Whether Meta takes it for an address.
pub(crate) fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// One of Meta's own cookies, as the event brought it along.
pub(crate) fn cookie<'a>(event: &'a Event<'_>, name: &str) -> Option<&'a str> {
    [&event.context, &event.properties]
        .into_iter()
        .find_map(|object| object.str_at(name).filter(|value| value.starts_with("fb.")))
}

/// A value of a URL's query as it stands there: Meta compares click IDs byte by byte.
fn query_value<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let query = url.split('#').next()?.split_once('?')?.1;
    query
        .split('&')
        .find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_value_is_found_as_it_stands() {
        for (url, expected) in [
            ("https://shop.example/?fbclid=IwAR2_Ab-C", Some("IwAR2_Ab-C")),
            ("https://shop.example/a?x=1&fbclid=Ab%20C#top", Some("Ab%20C")),
            ("https://shop.example/#?fbclid=Ab", None),
            ("https://shop.example/?fbclid=", None),
            ("https://shop.example/?notfbclid=1", None),
        ] {
            assert_eq!(query_value(url, "fbclid"), expected, "{url}");
        }
    }
}
