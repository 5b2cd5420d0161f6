//! JSON for people to read in a manifest, in which Spin finds no template.

use serde_json::Value;

/// How long a line may be for a list or an object to stand on it.
const WIDTH: usize = 120;

/// Lays JSON out so that no two braces stand side by side: Spin takes `{{` for the beginning of a template. In texts, which mean the same so, the
/// second one is escaped.
pub(super) fn write(value: &Value) -> String {
    let mut out = String::new();
    lay_out(&mut out, value, 0);
    out
}

// The recursion is bounded by the parser of the container file, which refuses what is nested deeper than 80 levels.
fn lay_out(out: &mut String, value: &Value, indent: usize) {
    let flat = flat(value);
    let column = out.len() - out.rfind('\n').map_or(0, |at| at + 1);
    let fits = column + flat.chars().count() < WIDTH;
    let is_small = indent > 1 || matches!(value, Value::Array(_));
    let inner = "  ".repeat(indent + 1);
    let outer = "  ".repeat(indent);
    match value {
        Value::Object(entries) if !(entries.is_empty() || fits && is_small && depth(value) < 3) => {
            out.push('{');
            for (place, (key, value)) in ordered(entries).into_iter().enumerate() {
                out.push_str(if place == 0 { "\n" } else { ",\n" });
                out.push_str(&inner);
                out.push_str(&text(key));
                out.push_str(": ");
                lay_out(out, value, indent + 1);
            }
            out.push('\n');
            out.push_str(&outer);
            out.push('}');
        }
        Value::Array(items) if !(items.is_empty() || fits && depth(value) < 3) => {
            out.push('[');
            for (place, value) in items.iter().enumerate() {
                out.push_str(if place == 0 { "\n" } else { ",\n" });
                out.push_str(&inner);
                lay_out(out, value, indent + 1);
            }
            out.push('\n');
            out.push_str(&outer);
            out.push(']');
        }
        _ => out.push_str(&flat),
    }
}

fn flat(value: &Value) -> String {
    match value {
        Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        Value::Object(entries) => {
            let entries: Vec<String> =
                ordered(entries).into_iter().map(|(key, value)| format!("{}: {}", text(key), flat(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flat).collect::<Vec<_>>().join(", ")),
        Value::String(string) => text(string),
        other => other.to_string(),
    }
}

/// What a person looks for first comes first.
fn ordered(entries: &serde_json::Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut ordered: Vec<_> = entries.iter().collect();
    let rank = |key: &str| ["name", "use"].iter().position(|first| *first == key).unwrap_or(usize::MAX);
    ordered.sort_by_key(|(key, _)| rank(key));
    ordered
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or_default(),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

fn text(text: &str) -> String {
    Value::from(text).to_string().replace("{{", "{\\u007b").replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn a_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            proptest::num::i32::ANY.prop_map(Value::from),
            "[{}a'\" \\\\]{0,8}".prop_map(Value::from)
        ];
        leaf.prop_recursive(5, 40, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[{}a]{0,4}", inner, 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_means_the_same_and_holds_no_template(value in a_value()) {
            let text = write(&value);
            prop_assert!(!text.contains("{{"), "{text}");
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }

    #[test]
    fn a_secret_that_a_setting_names_is_no_template() {
        let value = json!({ "token": "{{secret:token}} and {{{" });
        let text = write(&value);
        assert!(!text.contains("{{"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
