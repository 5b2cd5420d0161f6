//! An outline holds what serde_json reads, however it is written.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::path::{FieldCursor, Fields};
use crate::redact::Redacted;

fn all(outline: &Outline) -> String {
    Redacted::of(outline, &Fields::parse(["*"]).unwrap()).into_string()
}

fn check(text: &str, expected: Value) {
    let outline = Outline::of(text.to_owned());
    assert_eq!(Value::Object(outline.to_map()), expected, "{text}");
    assert_eq!(serde_json::from_str::<Value>(&all(&outline)).unwrap(), expected, "{text}");
}

#[test]
fn holds_what_the_text_says() {
    check("{}", json!({}));
    check(
        " { \"a\" : [ ] , \"b\":{ },\"c\":[[1, -2.5e3 ]\n,null] } ",
        json!({"a": [], "b": {}, "c": [[1, -2500.0], null]}),
    );
    check(r#"{"a":"x\"y\\","b":true,"c":[false,"é"]}"#, json!({"a": "x\"y\\", "b": true, "c": [false, "é"]}));
    check(r#"{"\u0061\"":1,"b\n":{"c\u0063":"\u00e9\u007b"}}"#, json!({"a\"": 1, "b\n": {"cc": "é{"}}));
}

#[test]
fn of_a_key_that_is_there_twice_the_last_counts() {
    check(r#"{"a":1,"b":2,"a":3}"#, json!({"a": 3, "b": 2}));
    check(r#"{"o":{"a":"secret","\u0061":{"x":1,"x":2}}}"#, json!({"o": {"a": {"x": 2}}}));
    check(r#"{"a":1,"a":2,"a":3}"#, json!({"a": 3}));
    let many: String = (0..60).map(|number| format!(r#""k{}":{number},"#, number % 30)).collect();
    let expected: Map<String, Value> = (30..60).map(|number| (format!("k{}", number % 30), json!(number))).collect();
    check(
        &format!("{{{}\"z\":0}}", many),
        Value::Object(expected.into_iter().chain([("z".to_owned(), json!(0))]).collect()),
    );
}

/// A placeholder for a secret is one however its braces are written.
#[test]
fn no_escape_hides_a_brace() {
    for text in [
        r#"{"a":"\u007b\u007bsecret:key}}"}"#,
        r#"{"a":["x",{"b":"{\u007Bsecret:key}}"}]}"#,
        r#"{"\u007b{secret:key}}":1}"#,
        r#"{"a":{"\u007b\u007bsecret:key}}":[]}}"#,
    ] {
        let seen = all(&Outline::of(text.to_owned()));
        assert!(seen.contains("{_{secret:key}}") && !seen.contains("\\u007"), "{seen}");
    }
}

#[test]
fn a_copy_is_changed_by_itself() {
    let outline = Outline::of(r#"{"a":{"b":[1,{"c":2}],"d":"x"},"e":null}"#.to_owned());
    let mut copy = outline.clone();
    let at = |path: &[&str]| outline.root().at(path).unwrap().id;
    copy.replace(at(&["a", "b"]), &json!({"new": ["\u{1}", "y"]}));
    copy.remove(at(&["e"]));
    let key = copy.member_or_null(at(&["a"]), "k\"");
    copy.make_object(key);
    assert_eq!(copy.member_or_null(at(&["a"]), "d"), at(&["a", "d"]));
    let expected = json!({"a": {"b": {"new": ["\u{1}", "y"]}, "d": "x", "k\"": {}}});
    assert_eq!(Value::Object(copy.to_map()), expected);
    assert_eq!(serde_json::from_str::<Value>(&all(&copy)).unwrap(), expected);
    assert_eq!(all(&outline), r#"{"a":{"b":[1,{"c":2}],"d":"x"},"e":null}"#);
}

/// Texts that are written in several ways, and keys that a grant may name.
const TEXT: &str = "[a-c{\\\\\"\u{1}é😀 ]{0,12}";
const KEYS: [&str; 4] = ["a", "b", "é", "c\""];

fn key() -> impl Strategy<Value = String> {
    prop_oneof![3 => prop::sample::select(&KEYS[..]).prop_map(str::to_owned), 1 => TEXT]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        TEXT.prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::btree_map(key(), inner, 0..8).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A way to write a value, with blanks, escapes and keys twice.
fn write(value: &Value, choose: &mut dyn FnMut() -> u8, out: &mut String) {
    let blank = |choose: &mut dyn FnMut() -> u8, out: &mut String| {
        out.push_str(["", "", " ", "\n\t"][usize::from(choose() % 4)]);
    };
    let string = |text: &str, choose: &mut dyn FnMut() -> u8, out: &mut String| {
        if !choose().is_multiple_of(3) {
            return out.push_str(&json!(text).to_string());
        }
        out.push('"');
        text.encode_utf16().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        out.push('"');
    };
    blank(choose, out);
    match value {
        Value::String(text) => string(text, choose, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(item, choose, out);
            }
            blank(choose, out);
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (at, (key, value)) in members.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                let times = 1 + u8::from(choose().is_multiple_of(6));
                for time in 0..times {
                    out.push_str(if time > 0 { "," } else { "" });
                    blank(choose, out);
                    string(key, choose, out);
                    blank(choose, out);
                    out.push(':');
                    let last = time + 1 == times;
                    write(if last { value } else { &Value::Null }, choose, out);
                }
            }
            blank(choose, out);
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
    blank(choose, out);
}

/// What of a value is seen, found in a tree.
fn seen(value: &Value, granted: FieldCursor<'_>) -> Option<Value> {
    match value {
        value if granted.takes_all() => Some(value.clone()),
        Value::Array(items) => Some(items.iter().filter_map(|item| seen(item, granted)).collect()),
        Value::Object(members) => Some(Value::Object(
            members.iter().filter_map(|(key, value)| Some((key.clone(), seen(value, granted.step(key)?)?))).collect(),
        )),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn holds_what_serde_json_reads(
        value in value(),
        choices in prop::collection::vec(any::<u8>(), 1..64),
        granted in prop::collection::vec(prop::collection::vec(prop::sample::select(&KEYS[..]), 0..4), 0..5),
    ) {
        let mut choices = choices.iter().copied().cycle();
        let mut text = String::new();
        write(&json!({ "a": value, "b": value }), &mut || choices.next().unwrap_or_default(), &mut text);
        let expected: Value = serde_json::from_str(&text).unwrap();
        let outline = Outline::of(text.clone());
        prop_assert_eq!(&Value::Object(outline.to_map()), &expected, "{}", text);
        prop_assert_eq!(&serde_json::from_str::<Value>(&all(&outline)).unwrap(), &expected, "{}", text);

        let granted = Fields::parse(granted.iter().map(|path| [&path[..], &["*"]].concat().join("."))).unwrap();
        let redacted = Redacted::of(&outline, &granted).into_string();
        let redacted: Value = serde_json::from_str(&redacted).unwrap();
        prop_assert_eq!(Some(redacted), seen(&expected, granted.cursor()), "{}", text);
    }
}
