#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn check(text: &str) {
    let expected = serde_json::from_str::<Map<String, Value>>(text);
    match (Object::parse(text), expected) {
        (Ok(object), Ok(map)) => {
            assert_eq!(object.to_map(), map, "{text}");
            assert_eq!(serde_json::from_str::<Map<String, Value>>(&object.to_json()).unwrap(), map, "{text}");
            assert_eq!(object.keys().count(), map.len(), "{text}");
            for (key, value) in &map {
                assert_eq!(object.value(key).as_ref(), Some(value), "{text}");
                assert_eq!(object.string(key).as_deref(), value.as_str(), "{text}");
                assert_eq!(object.object(key).map(|object| object.to_map()).as_ref(), value.as_object(), "{text}");
            }
        }
        (Err(ours), Err(theirs)) => assert_eq!(ours.to_string(), theirs.to_string(), "{text}"),
        (ours, theirs) => panic!("{text}: {ours:?}, but {theirs:?}"),
    }
}

#[test]
fn takes_and_refuses_what_a_value_does() {
    check(r#"{}"#);
    check(r#" { "b" : 1 , "a":"x\n\u00e9" } "#);
    check(r#"{"a":1,"b":2,"a":3,"\u0061":{"a":4,"a":5}}"#);
    check(r#"{"a":[1,{"b":null}],"c\"d":true,"":-0.5e3}"#);
    check(r#"{"a":1e999}"#);
    check(r#"{"a":"\ud83d"}"#);
    check(r#"{"a":"\x"}"#);
    check(r#"{"a":{"b":[01]}}"#);
    check(r#"{"a":1}}"#);
    check(r#"{"a":1"#);
    check("");
    check("{\"a\":\"\u{1}\"}");
    check(&format!("{{\"a\":{}{}}}", "[".repeat(126), "]".repeat(126)));
    check(&format!("{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127)));
}

#[test]
fn a_string_is_escaped_wherever_it_has_to_be() {
    for length in 0..20 {
        for at in 0..=length {
            for odd in ["\"", "\\", "\u{0}", "\u{1f}", " ", "\u{7f}", "\u{e9}", "\u{1f600}"] {
                let text = format!("{}{odd}{}", "x".repeat(at), "x".repeat(length - at));
                let mut written = String::new();
                push_string(&mut written, &text);
                assert_eq!(written, serde_json::to_string(&text).unwrap());
            }
        }
    }
}

#[test]
fn what_is_plain_begins_and_ends_where_a_value_does() {
    for number in [
        "0", "-0", "-", "00", "-01", "1.", ".5", "0.5", "1.5.5", "1e5", "1E-5", "1e", "+1", "0x1", "1_0", "NaN", "12a",
        "1 2",
    ] {
        check(&format!("{{\"a\":{number}}}"));
        check(&format!("{{\"a\":[{number},{{\"b\":{number} }}] , \"b\" : 1}}"));
    }
    for digits in [16, 31, 32, 33, 308, 309, 310] {
        for number in [format!("1{}", "0".repeat(digits)), format!("-0.{}1", "0".repeat(digits))] {
            check(&format!("{{\"a\":{number}}}"));
        }
    }
    for word in ["true", "false", "null", "tru", "truely", "True", "nullnull"] {
        check(&format!("{{\"a\":{word}}}"));
        check(&format!("{{\"a\":[ {word} , {word}]}}"));
    }
    for nested in
        [r#"[,]"#, r#"[1,]"#, r#"{"a"}"#, r#"{"a":}"#, r#"{"a":1,}"#, r#"{1:1}"#, "[}", "{]", "[1 1]", "[ ]", "{ }"]
    {
        check(&format!("{{\"a\":{nested}}}"));
        check(&format!("{{\"a\":[{nested},{nested}]}}"));
    }
    for levels in 14..20 {
        let object = json!({ "a": (0..levels).fold(json!(1), |inner, _| json!([{ "b": inner }])) });
        check(&object.to_string());
        let parsed = Object::parse(&object.to_string()).unwrap();
        assert_eq!((parsed.deeper_than(2 * levels - 1), parsed.deeper_than(2 * levels)), (Some("a"), None));
    }
    for special in ["\"", "\\", "\\n", "\\\"", "\u{1}", "\u{1f}", "\u{7f}", "\u{e9}", "\u{1f600}", ""] {
        for (before, after) in (0..18).flat_map(|before| [0, 1, 7, 8, 9].map(|after| (before, after))) {
            let string = format!("\"{}{special}{}\"", "x".repeat(before), "y".repeat(after));
            check(&format!("{{\"a\":{string},\"b\":[{string}, {{{string}:{string}}}]}}"));
            check(&format!("{{{string}:{string}}}"));
            check(&format!("{{\"a\":{string}"));
        }
    }
}

#[test]
fn the_member_that_is_taken_apart_too_is_no_exception() {
    check(r#"{"context" : { "b" : 1 , "a":"x\n" , "a":{"b":[]} } , "b":2}"#);
    check(r#"{"context":{"a":1},"context":{"b":{}},"a":{"context":{"a":1}}}"#);
    check(r#"{"context":{"a":1},"context":[1]}"#);
    check(r#"{"\u0063ontext":{"\u0061":1,"a":2,"b\"":3}}"#);
    for broken in [r#"{"a":1"#, r#"{"a":1,}"#, r#"{"a":1]"#, r#"{"a":1e999}"#, r#"{"a" 1}"#, r#"{,}"#, r#"{a:1}"#] {
        check(&format!("{{\"context\":{broken}}}"));
        check(&format!("{{\"context\":{broken},\"a\":1}}"));
    }
    check(&format!("{{\"context\":{{\"a\":{}{}}}}}", "[".repeat(125), "]".repeat(125)));
    check(&format!("{{\"context\":{{\"a\":{}{}}}}}", "[".repeat(126), "]".repeat(126)));
    check(&format!("{{\"context\":{{\"a\":{}{}}}}}", "[".repeat(127), "]".repeat(127)));
    let mut object = Object::parse(r#"{"context":{"a":1}}"#).unwrap();
    let mut context = object.object("context").unwrap();
    context.set_string("b", "new");
    object.set_object("context", &context);
    assert_eq!(object.object("context").unwrap().to_json(), r#"{"a":1,"b":"new"}"#);
}

#[test]
fn changes_stand_beside_what_came() {
    let mut object = Object::parse(r#"{"b": [1, 2], "a": "x"}"#).unwrap();
    object.set_string("c", "quoted \"\n");
    object.set("a", &json!({"deep": [[]]}));
    object.set_object("d", &Object::parse(r#"{"k":{}}"#).unwrap());
    object.remove("missing");
    assert_eq!(object.to_json(), r#"{"a":{"deep":[[]]},"b":[1, 2],"c":"quoted \"\n","d":{"k":{}}}"#);
    assert_eq!((object.deeper_than(2), object.deeper_than(3)), (Some("a"), None));
    object.remove("b");
    assert_eq!(object.object("a").unwrap().json("deep"), Some("[[]]"));
    assert_eq!(object.object("c"), None);
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn says_the_same_as_a_value_of_any_text(value in json(), cut in any::<prop::sample::Index>()) {
        for key in ["value", "context"] {
            let text = json!({key: value, "more": 1}).to_string();
            check(&text);
            let at = text.floor_char_boundary(cut.index(text.len()));
            check(&text[..at]);
        }
    }
}
