//! JSON at random: what is at a limit, what looks like something else, what is long.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

/// The spec's types of event.
pub(super) const KINDS: [&str; 6] = ["track", "page", "screen", "identify", "group", "alias"];

const TEXTS: &[&str] = &[
    "",
    " ",
    "0",
    "-1",
    "1e999",
    "NaN",
    "true",
    "null",
    "0x10",
    "1,234.50",
    "2026-11-21T09:55:41Z",
    "2026-02-30T25:61:61Z",
    "9999-12-31T23:59:59.999999999+14:00",
    "0000-00-00",
    "ada@example.com",
    "@",
    "+49 (0)30 123-456",
    "https://shop.example/a?b=%ZZ&b=2#c",
    "https://",
    "//x",
    "javascript:alert(1)",
    "::1",
    "999.1.1.1",
    "EUR",
    "euro",
    "{{secret:api_secret}}",
    "{\"a\":[1,2",
    "</script>",
    "a\u{0}b",
    "\r\nX-Evil: 1",
    "\u{202e}abc\u{200d}",
    "👩‍👩‍👧‍👧 ß İ ﷺ",
    "e\u{301}\u{301}\u{301}",
    "\u{feff}\u{fffd}\u{10ffff}",
];

const NAMES: &[&str] = &[
    "",
    "a",
    "A B",
    "currency",
    "value",
    "revenue",
    "email",
    "products",
    "items",
    "__proto__",
    "$set",
    "a.b",
    "*",
    "ключ",
];

/// A key.
pub(super) fn name(random: &mut StdRng) -> String {
    match NAMES[random.random_range(0..NAMES.len())] {
        // As a path it would be another one.
        name if name.is_empty() || name.contains(['.', '*']) => "x".to_owned(),
        name => name.to_owned(),
    }
}

/// A value, nested no deeper than this.
pub(super) fn any(random: &mut StdRng, depth: u32) -> Value {
    match random.random_range(0..if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => Value::Bool(random.random_bool(0.5)),
        2 | 3 => number(random),
        4 | 5 => Value::String(text(random)),
        6 => (0..random.random_range(0..6)).map(|_| any(random, depth - 1)).collect(),
        _ => {
            let entry =
                |random: &mut StdRng| (NAMES[random.random_range(0..NAMES.len())].to_owned(), any(random, depth - 1));
            Value::Object((0..random.random_range(0..6)).map(|_| entry(random)).collect())
        }
    }
}

/// Changes one place of an event.
pub(super) fn change(random: &mut StdRng, event: &mut Map<String, Value>) {
    let mut at = event;
    loop {
        let keys: Vec<String> = at.keys().cloned().collect();
        if keys.is_empty() {
            at.insert(name(random), any(random, 2));
            return;
        }
        let key = &keys[random.random_range(0..keys.len())];
        let deeper = at.get(key).is_some_and(Value::is_object) && random.random_bool(0.8);
        if !deeper {
            match random.random_range(0..5) {
                0 => drop(at.remove(key)),
                1 => drop(at.insert(name(random), any(random, 3))),
                _ => drop(at.insert(key.clone(), any(random, 3))),
            }
            return;
        }
        let Some(Value::Object(inside)) = at.get_mut(key) else { return };
        at = inside;
    }
}

/// About so many bytes: a list of products, one long text, many keys, or what is nested as deep as an event may be.
pub(super) fn heavy(random: &mut StdRng, bytes: usize) -> Value {
    match random.random_range(0..5) {
        0 => {
            let product = json!({ "product_id": text(random), "name": text(random), "price": number(random), "quantity": 2, "x": any(random, 1) });
            let size = product.to_string().len() + 1;
            std::iter::repeat_n(product, bytes / size).collect()
        }
        1 => json!({ "text": "ä".repeat(bytes / 2 - bytes.min(40) / 2) }),
        // Each of these is two bytes in JSON, six where it is escaped in full.
        2 => json!({ "text": "\"\\\n".repeat(bytes / 8) }),
        3 => {
            let entries = (0..bytes / 24).map(|at| (format!("property {at:06}"), number(random)));
            Value::Object(entries.collect())
        }
        _ => {
            let mut value = any(random, 0);
            for level in 0..50 {
                value = if level % 2 == 0 { json!([value]) } else { json!({ "a": value }) };
            }
            let size = value.to_string().len() + 1;
            std::iter::repeat_n(value, (bytes / size).min(200)).collect()
        }
    }
}

fn text(random: &mut StdRng) -> String {
    let text = TEXTS[random.random_range(0..TEXTS.len())];
    match random.random_range(0..12) {
        0 => text.repeat(random.random_range(1..200)),
        1 => "x".repeat(random.random_range(1..4_000)),
        _ => text.to_owned(),
    }
}

fn number(random: &mut StdRng) -> Value {
    match random.random_range(0..14) {
        0 => json!(0),
        1 => json!(-0.0),
        2 => json!(i64::MIN),
        3 => json!(i64::MAX),
        4 => json!(u64::MAX),
        5 => json!(9_007_199_254_740_993_u64),
        6 => json!(f64::MAX),
        7 => json!(f64::MIN_POSITIVE),
        8 => json!(5e-324),
        9 => json!(-1e300),
        10 => json!(0.1 + 0.2),
        11 => json!(random.random_range(-1_000..1_000_000_i64)),
        12 => json!(1.797_952_541e18),
        _ => json!(random.random_range(-1e6..1e6)),
    }
}
