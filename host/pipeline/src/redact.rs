//! Redaction: what of an event a tag may see.

use serde_json::{Map, Value};

use crate::outline::{Item, Kind, Outline};
use crate::path::{FieldCursor, Fields};

/// How deep a withheld field is named; what lies deeper is named by its ancestor.
const NAMED_DEPTH: usize = 3;

/// Room for the part of an event that most tags are granted, in bytes.
const ROOM: usize = 2048;

/// The most withheld fields that are named; an event can have thousands.
const NAMED_FIELDS: usize = 64;

/// The JSON text of an event with nothing in it but what was granted. Only this module makes one, and only such a text
/// crosses into a sandbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Redacted(String);

impl Redacted {
    /// Writes the granted part of some values.
    pub fn new(fields: &Map<String, Value>, granted: &Fields) -> Self {
        Redacted::of(&Outline::from(fields), granted)
    }

    /// Writes the granted part of an event. Whatever was granted as a whole is taken as it stands.
    pub fn of(fields: &Outline, granted: &Fields) -> Self {
        let mut text = String::with_capacity(ROOM.min(fields.text_len()));
        write(&mut text, fields.root(), granted.cursor());
        Redacted(defuse(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The fields of an event that were not granted, for a person to read.
pub fn withheld(fields: &Outline, granted: &Fields) -> Vec<String> {
    let mut named = Vec::new();
    name_withheld(&mut named, &mut Vec::new(), fields.root(), granted.cursor());
    named.sort_unstable();
    named
}

/// Takes the meaning from secret placeholders that an event brings along: what a site's visitor typed must not be
/// replaced by a secret when a tag copies it into a request. JSON's own text never holds `{{`, so only strings change.
fn defuse(text: String) -> String {
    const OPEN: &str = "{{secret:";
    // Hardly any text has two braces in a row, and that is found quickly.
    if !text.contains("{{")
        || !text.as_bytes().windows(OPEN.len()).any(|window| window.eq_ignore_ascii_case(OPEN.as_bytes()))
    {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text.as_str();
    while let Some(at) = rest.find("{{") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match from.get(..OPEN.len()) {
            Some(open) if open.eq_ignore_ascii_case(OPEN) => out.push_str("{_"),
            _ => out.push('{'),
        }
        rest = &from[1..];
    }
    out.push_str(rest);
    out
}

fn write(out: &mut String, item: Item<'_>, granted: FieldCursor<'_>) {
    if granted.takes_all()
        && let Some(json) = item.json()
    {
        return out.push_str(json);
    }
    match item.kind() {
        Kind::Object => {
            out.push('{');
            let mut is_first = true;
            for (key, below) in item.members() {
                let Some(granted) = seen(below, granted.step(key)) else { continue };
                next(out, &mut is_first);
                if granted.takes_all()
                    && let Some(member) = below.member_json()
                {
                    out.push_str(member);
                    continue;
                }
                write_key(out, key, below.has_plain_key());
                write(out, below, granted);
            }
            out.push('}');
        }
        Kind::Array => {
            out.push('[');
            let mut is_first = true;
            for below in item.items() {
                let Some(granted) = seen(below, Some(granted)) else { continue };
                next(out, &mut is_first);
                write(out, below, granted);
            }
            out.push(']');
        }
        // Kept out by `seen`: a scalar at a place of which only something below was granted.
        _ => out.push_str("null"),
    }
}

/// By what a value is seen, if anything of it is.
fn seen<'f>(item: Item<'_>, granted: Option<FieldCursor<'f>>) -> Option<FieldCursor<'f>> {
    granted.filter(|granted| granted.takes_all() || item.is_container())
}

fn next(out: &mut String, is_first: &mut bool) {
    if !std::mem::take(is_first) {
        out.push(',');
    }
}

fn write_key(out: &mut String, key: &str, is_plain: bool) {
    if is_plain {
        out.push('"');
        out.push_str(key);
        out.push_str("\":");
    } else {
        // Every text is a JSON string.
        out.push_str(&serde_json::to_string(key).unwrap_or_default());
        out.push(':');
    }
}

fn name_withheld(named: &mut Vec<String>, way: &mut Vec<String>, fields: Item<'_>, granted: FieldCursor<'_>) {
    for (key, item) in fields.members() {
        if named.len() >= NAMED_FIELDS {
            return;
        }
        way.push(key.to_owned());
        match (granted.step(key), item.kind()) {
            (Some(granted), _) if granted.takes_all() => {}
            (Some(granted), Kind::Object) if way.len() < NAMED_DEPTH => name_withheld(named, way, item, granted),
            (Some(_), Kind::Array) => {}
            _ => named.push(way.join(".")),
        }
        way.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(event: Value, granted: &[&str], seen: Value, not_seen: &[&str]) {
        let Value::Object(fields) = event else { panic!("an object") };
        let granted = Fields::parse(granted).expect("patterns");
        let text = Redacted::new(&fields, &granted).into_string();
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), seen);
        assert_eq!(withheld(&Outline::from(&fields), &granted), not_seen);
    }

    #[test]
    fn shows_what_was_granted_and_nothing_else() {
        let event = json!({
            "type": "track", "userId": "u",
            "context": {"ip": "203.0.113.7", "page": {"url": "https://shop.example", "title": "Shop"}},
            "properties": {"products": [{"name": "Mug", "price": 3}, 7, {"price": 4}], "total": 7},
        });
        check(event.clone(), &["*"], event.clone(), &[]);
        check(event.clone(), &[], json!({}), &["context", "properties", "type", "userId"]);
        check(
            event.clone(),
            &["type", "context.page.url", "properties.products.price"],
            json!({
                "type": "track", "context": {"page": {"url": "https://shop.example"}},
                "properties": {"products": [{"price": 3}, {"price": 4}]},
            }),
            &["context.ip", "context.page.title", "properties.total", "userId"],
        );
        check(event, &["type.below", "userId.*"], json!({"userId": "u"}), &["context", "properties", "type"]);
    }

    #[test]
    fn an_events_own_placeholders_mean_nothing() {
        let check = |given: &str, expected: &str| {
            let Value::Object(fields) = json!({ "event": given }) else { panic!("an object") };
            let text = Redacted::new(&fields, &Fields::parse(["*"]).expect("pattern")).into_string();
            assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), json!({ "event": expected }));
        };
        check("a {{secret:api_secret}} b", "a {_{secret:api_secret}} b");
        check("{{{{SECRET:x}}", "{{{_{SECRET:x}}");
        check("{{name}} costs {", "{{name}} costs {");
        check("{{é{{secret:é}}", "{{é{_{secret:é}}");
    }
}
