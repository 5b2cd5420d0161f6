//! What is left of an event whose person did not consent, for a tag whose operator wants it nonetheless: what happened, not to whom.
//!
//! A list of what stays, not of what goes: what an SDK adds next year is left out until somebody has thought about it.

use serde_json::{Map, Value};
use url::Url;

use crate::expression::sha256;

/// Fields of the event that stay. `messageId` is the event's own, not a person's.
const KEPT: [&str; 10] = [
    "type",
    "event",
    "name",
    "category",
    "messageId",
    "timestamp",
    "originalTimestamp",
    "sentAt",
    "receivedAt",
    "integrations",
];

/// Members of `context` that stay. An address, user agent, screen, device or network tell one person from another.
const KEPT_CONTEXT: [&str; 5] = ["app", "campaign", "consent", "library", "locale"];

/// Members of `context.page` that stay, and those that stay without what stands behind the path of their URL.
const KEPT_PAGE: [&str; 2] = ["path", "title"];
const CUT_URLS: [&str; 2] = ["url", "referrer"];

/// Properties that by their name are a person's detail, or an id that leads to one in the operator's own records; written in small letters and without `_`, `-` and blanks.
const PERSONAL: [&str; 56] = [
    "accountid",
    "address",
    "advertisingid",
    "anonymousid",
    "avatar",
    "birthday",
    "cartid",
    "checkoutid",
    "city",
    "clientid",
    "customerid",
    "deviceid",
    "distinctid",
    "dob",
    "email",
    "emailaddress",
    "externalid",
    "fbc",
    "fbclid",
    "fbp",
    "fingerprint",
    "firstname",
    "fullname",
    "ga",
    "gbraid",
    "gclid",
    "hashedemail",
    "idfa",
    "invoiceid",
    "ip",
    "ipaddress",
    "lastname",
    "msclkid",
    "orderid",
    "ordernumber",
    "password",
    "phone",
    "phonenumber",
    "postalcode",
    "profileid",
    "search",
    "sessionid",
    "street",
    "subscriptionid",
    "token",
    "transactionid",
    "ttclid",
    "useragent",
    "userid",
    "username",
    "vatid",
    "vatnumber",
    "visitorid",
    "wbraid",
    "zip",
    "zipcode",
];

/// How many characters of the id that stands in for a person's.
const ID_CHARACTERS: usize = 32;

/// An event without whom it is about. Its `anonymousId` is made of the event's own `messageId`: vendors that need one get one, and it
/// is another for each event.
pub fn anonymised(event: &Map<String, Value>) -> Map<String, Value> {
    let mut kept = only(event, &KEPT);
    let id = event.get("messageId").and_then(Value::as_str).unwrap_or_default();
    let id: String = sha256(&format!("anonymous {id}")).chars().take(ID_CHARACTERS).collect();
    kept.insert("anonymousId".to_owned(), Value::String(format!("anonymous-{id}")));
    if let Some(context) = event.get("context").and_then(Value::as_object) {
        let mut left = only(context, &KEPT_CONTEXT);
        if let Some(page) = context.get("page").and_then(Value::as_object) {
            left.insert("page".to_owned(), Value::Object(cut_page(page)));
        }
        kept.insert("context".to_owned(), Value::Object(left));
    }
    if let Some(properties) = event.get("properties") {
        kept.insert("properties".to_owned(), impersonal(properties));
    }
    kept
}

fn only(object: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let kept = names.iter().filter_map(|name| Some(((*name).to_owned(), object.get(*name)?.clone())));
    kept.collect()
}

fn cut_page(page: &Map<String, Value>) -> Map<String, Value> {
    let mut kept = only(page, &KEPT_PAGE);
    for name in CUT_URLS {
        if let Some(url) = page.get(name).and_then(Value::as_str).and_then(cut_url) {
            kept.insert(name.to_owned(), Value::String(url));
        }
    }
    kept
}

/// A URL without what a site may put about a person into it: credentials, query, fragment.
fn cut_url(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    let _ = (url.set_username(""), url.set_password(None));
    Some(url.into())
}

/// A value without members that are personal by their name; URLs in it are cut. The recursion is bounded by an event's depth.
fn impersonal(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let kept = object.iter().filter(|(name, _)| !is_personal(name));
            Value::Object(kept.map(|(name, value)| (name.clone(), impersonal(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(impersonal).collect()),
        Value::String(text) if text.starts_with("https://") || text.starts_with("http://") => {
            cut_url(text).map_or(Value::Null, Value::String)
        }
        value => value.clone(),
    }
}

fn is_personal(name: &str) -> bool {
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    PERSONAL.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_happened_stays_and_whom_it_is_about_goes() {
        let event = json!({
            "type": "track", "event": "Order Completed", "messageId": "m-1", "timestamp": "2026-11-21T10:00:00Z",
            "userId": "u-1", "anonymousId": "a-1", "groupId": "g-1", "traits": {"email": "a@b.example"}, "later": "x",
            "context": {
                "ip": "192.0.2.7", "userAgent": "Mozilla/5.0", "locale": "de", "traits": {"email": "a@b.example"},
                "device": {"id": "d-1"}, "screen": {"width": 1}, "campaign": {"source": "news"},
                "page": {
                    "url": "https://u:p@shop.example/cart?email=a@b.example#x", "path": "/cart", "search": "?email=a@b.example",
                    "referrer": "not a url", "title": "Cart",
                },
            },
            "properties": {
                "total": 9.5, "order_id": "o-1", "Email": "a@b.example", "user_id": 7, "url": "https://shop.example/cart?token=1",
                "products": [{"name": "Mug", "session-id": "s", "price": 3}],
            },
        });
        let Value::Object(fields) = event else { panic!("an object") };
        let left = Value::Object(anonymised(&fields));
        let id = left["anonymousId"].clone();
        assert_eq!(
            left,
            json!({
                "type": "track", "event": "Order Completed", "messageId": "m-1", "timestamp": "2026-11-21T10:00:00Z",
                "anonymousId": id,
                "context": {
                    "locale": "de", "campaign": {"source": "news"},
                    "page": {"url": "https://shop.example/cart", "path": "/cart", "title": "Cart"},
                },
                "properties": {"total": 9.5, "url": "https://shop.example/cart", "products": [{"name": "Mug", "price": 3}]},
            })
        );
        let text = left.to_string();
        ["u-1", "a-1", "o-1", "a@b.example", "192.0.2.7", "Mozilla"]
            .iter()
            .for_each(|personal| assert!(!text.contains(personal)));
    }

    #[test]
    fn the_id_is_the_event_s_and_no_person_s() {
        let id = |event: Value| anonymised(event.as_object().expect("object"))["anonymousId"].clone();
        let first = id(json!({"messageId": "m-1", "userId": "u"}));
        assert_eq!(first, id(json!({"messageId": "m-1", "userId": "other"})));
        assert_ne!(first, id(json!({"messageId": "m-2", "userId": "u"})));
    }
}
