use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::accepted::Accepted;
use crate::expression::View;
use crate::request::Request;
use crate::rules::{Memo, Rules, Scope};

fn compile(spec: &Value) -> Result<Transform, TransformErrors> {
    Transform::compile(&serde_json::from_value(spec.clone()).unwrap_or_else(|error| panic!("{spec}: {error}")))
}

/// Of one transformation, or of a list of them. Whatever changes nothing copies nothing.
fn check(specs: Value, event: Value, expected: Value) {
    let specs = if specs.is_array() { specs } else { json!([specs]) };
    let shared = specs.as_array().expect("list").iter().map(|spec| compile(spec).expect("compiles")).collect();
    let tag = serde_json::from_value(json!({"name": "mine", "use": "webhook"})).expect("tag");
    let chain = Chain::compile(&tag, shared).expect("compiles");
    let fields = Outline::from(event.as_object().expect("an object"));
    let applied = chain.made(chain.iter(), &View::new(&fields), &fields).map(|changed| {
        assert!(matches!(changed, Cow::Owned(_)) || *changed == fields);
        assert!(matches!(changed, Cow::Borrowed(_)) || event != expected, "copied in vain: {specs}");
        Value::Object(changed.to_map())
    });
    assert_eq!(
        applied.map_err(|filtered| json!(filtered.to_string())).unwrap_or_else(|reason| reason),
        expected,
        "{specs}"
    );
}

fn wrong(spec: Value, expected: &[&str]) {
    let errors = compile(&spec).map(|_| ()).expect_err("does not compile");
    let texts: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
    assert_eq!(texts, expected, "{spec}");
}

#[test]
fn they_are_made_in_order() {
    check(
        json!([{"set": {"properties.value": "event.properties.revenue * 2.0"}}, {"drop": ["properties.revenue"]}]),
        json!({"properties": {"revenue": 21}}),
        json!({"properties": {"value": 42}}),
    );
    check(
        json!([{"lower": ["a"]}, {"map_event": {"x": "Y"}}]),
        json!({"a": "X", "event": "x"}),
        json!({"a": "x", "event": "Y"}),
    );
}

#[test]
fn a_condition_decides() {
    check(json!({"when": "event.a == 1.0", "drop": ["b"]}), json!({"a": 1, "b": 1}), json!({"a": 1}));
    check(json!({"when": "event.c == 1.0", "drop": ["b"]}), json!({"a": 1, "b": 1}), json!({"a": 1, "b": 1}));
}

/// Neither making the change nor leaving it out would be safe.
#[test]
fn a_condition_that_takes_too_many_steps_keeps_the_event_away() {
    let when = "event.a.exists(x, event.a.exists(y, y != x))";
    let spec = json!({"when": when, "drop": ["b"]});
    let reason = format!("the condition of a transformation takes more steps than an expression may: `{when}`");
    check(spec.clone(), json!({"a": vec![1; 5_000], "b": 1}), json!(reason));
    check(spec, json!({"a": [1, 2], "b": 1}), json!({"a": [1, 2]}));
}

/// What stands around an event stays as it was for the event that came, whatever changed before.
#[test]
fn they_see_what_stands_around_the_event() {
    let container: model::Container = serde_json::from_value(json!({
        "name": "shop", "collect": {"write_keys": ["key"]},
        "vars": {"total": "event.properties.total"},
        "transform": [
            {"drop": ["properties.total", "missing"]},
            {"set": {"properties.theme": "request.cookies.theme", "properties.gone": "event.properties.total"}},
            {"when": "vars.total > 20.0 && !consent.analytics", "set": {"properties.value": "vars.total"}},
            {"tags": ["filtered"], "when": "request.cookies.theme == 'dark'", "filter": true},
        ],
    }))
    .expect("container");
    let event = json!({"type": "page", "messageId": "m", "userId": "u", "properties": {"total": 21}});
    let accepted = Accepted::new(
        Timestamp::UNIX_EPOCH,
        "segment",
        Request::from_json(r#"{"cookies":{"theme":"dark"}}"#),
        serde_json::from_value(event).expect("event"),
    );
    let (rules, spare) = (Rules::compile(&container).expect("compiles"), Memo::default());
    let scope = Scope::new(&rules, &accepted, &spare);
    let chain = |tag: &str| {
        let shared = container.transforms.iter().map(|spec| Transform::compile(spec).expect("compiles")).collect();
        let tag = serde_json::from_value(json!({"name": tag, "use": "webhook"})).expect("tag");
        Chain::compile(&tag, shared).expect("compiles")
    };
    let view = scope.view();
    let mine = chain("mine");
    let applied = mine.apply(&scope).expect("not filtered");
    assert_eq!(applied.to_map()["properties"], json!({"theme": "dark", "value": 21}));
    let traced: Vec<String> = chain("mine").trace(&view).iter().map(|traced| traced.fields.join(" ")).collect();
    assert_eq!(traced, ["properties.total", "properties.theme", "properties.value"]);
    assert!(chain("filtered").apply(&scope).is_err());
}

#[test]
fn they_are_for_the_tags_that_they_name() {
    check(json!({"tags": ["other", "mine"], "drop": ["a"]}), json!({"a": 1}), json!({}));
    check(json!({"tags": ["other"], "drop": ["a"]}), json!({"a": 1}), json!({"a": 1}));
}

#[test]
fn allow_leaves_only_what_it_names() {
    let event =
        json!({"event": "e", "properties": {"total": 1, "products": [{"id": 1, "note": "n"}, "x"]}, "userId": "u"});
    check(
        json!({"allow": ["event", "properties.products.id"]}),
        event.clone(),
        json!({"event": "e", "properties": {"products": [{"id": 1}]}}),
    );
    check(json!({"allow": ["event.below", "context.*"]}), event.clone(), json!({}));
    check(json!({"allow": ["*"]}), event.clone(), event.clone());
    check(json!({"allow": ["event", "properties.*", "userId"]}), event.clone(), event);
    wrong(
        json!({"allow": ["a", "b..c"]}),
        &["`transform.allow[1]`: a field path has no empty part: write it as `context.page.url`"],
    );
}

#[test]
fn drop_removes_what_it_names() {
    check(json!({"drop": ["a.*", "b.c"]}), json!({"a": {"x": 1}, "b": [{"c": 1, "d": 2}]}), json!({"b": [{"d": 2}]}));
    check(json!({"drop": ["c", "a.b.c"]}), json!({"a": 1}), json!({"a": 1}));
    wrong(
        json!({"drop": ["*.a"]}),
        &["`transform.drop[0]`: `*` stands only at the end of a field path, as in `properties.*`"],
    );
}

#[test]
fn set_computes() {
    check(json!({"set": {"a": "event.missing"}}), json!({"a": 1}), json!({"a": 1}));
    check(json!({"set": {"a": "event.b", "b": "event.a"}}), json!({"a": 1, "b": 2}), json!({"a": 2, "b": 1}));
    check(json!({"set": {"a.b": "'x'"}}), json!({"a": [{"c": 1}]}), json!({"a": [{"c": 1, "b": "x"}]}));
}

#[test]
fn rename_moves_values() {
    check(json!({"rename": {"a": "b.c"}}), json!({"a": {"x": 1}}), json!({"b": {"c": {"x": 1}}}));
    check(json!({"rename": {"a": "b"}}), json!({"a": 1, "b": 2}), json!({"b": 1}));
    check(json!({"rename": {"a": "b"}}), json!({"b": 2}), json!({"b": 2}));
    check(json!({"rename": {"a.b": "a"}}), json!({"a": {"b": 1, "c": 2}}), json!({"a": 1}));
    check(json!({"rename": {"a": "a.b"}}), json!({"a": 1}), json!({"a": {"b": 1}}));
    // Each element of a list keeps its own; out of the list they become a list.
    let products = json!({"p": [{"price": 1}, {"price": 2, "id": 7}, {"id": 8}]});
    check(
        json!({"rename": {"p.price": "p.value"}}),
        products.clone(),
        json!({"p": [{"value": 1}, {"value": 2, "id": 7}, {"id": 8}]}),
    );
    check(
        json!({"rename": {"p.price": "prices"}}),
        products,
        json!({"p": [{}, {"id": 7}, {"id": 8}], "prices": [1, 2]}),
    );
    wrong(
        json!({"rename": {"a": "b", "b.c": "d"}}),
        &["`transform.rename.a`: two moves of one transformation meet at `b`"],
    );
    wrong(
        json!({"rename": {"a": "c", "b": "c"}}),
        &[
            "`transform.rename.a`: two moves of one transformation meet at `c`",
            "`transform.rename.b`: two moves of one transformation meet at `c`",
        ],
    );
    wrong(
        json!({"rename": {"a": "b.*", "": "c"}}),
        &[
            "`transform.rename.`: a field path has no empty part: write it as `context.page.url`",
            "`transform.rename.a`: `*` stands only at the end of a field path, as in `properties.*`",
        ],
    );
}

#[test]
fn default_fills_gaps() {
    let spec = json!({"default": {"a": 1, "p.currency": "EUR", "c.d": ["x"]}});
    check(
        spec.clone(),
        json!({"a": null, "p": [{}, {"currency": "USD"}]}),
        json!({"a": 1, "p": [{"currency": "EUR"}, {"currency": "USD"}], "c": {"d": ["x"]}}),
    );
    check(spec, json!({"a": "", "p": "text", "c": {"d": false}}), json!({"a": "", "p": "text", "c": {"d": false}}));
    wrong(
        json!({"default": {"a": {"b": 1}}}),
        &["`transform.default.a`: a default is a text, a number, a boolean or a list"],
    );
}

#[test]
fn hash_is_what_vendors_compare() {
    let digest = |text: &str| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(text));
    let hashed = |form: Value, value: Value, expected: &str| {
        let mut spec = json!({"hash": {"fields": ["a"]}});
        spec["hash"].as_object_mut().expect("object").append(form.as_object().cloned().as_mut().expect("object"));
        let expected = if expected.is_empty() { String::new() } else { digest(expected) };
        check(spec, json!({ "a": value }), json!({ "a": expected }));
    };
    hashed(json!({}), json!(" Jane "), " Jane ");
    hashed(json!({}), json!(42), "42");
    hashed(json!({"as": "text"}), json!(" JÜRGEN "), "jürgen");
    hashed(json!({"as": "email"}), json!(" Jane.Doe@Gmail.com"), "jane.doe@gmail.com");
    hashed(json!({"as": "google-email"}), json!(" Jane.Doe@Gmail.com"), "janedoe@gmail.com");
    hashed(json!({"as": "google-email"}), json!("jane.doe@shop.example"), "jane.doe@shop.example");
    hashed(json!({"as": "phone"}), json!("+49 (30) 123-456"), "4930123456");
    hashed(json!({"as": "phone"}), json!("0049 30 123456"), "4930123456");
    hashed(json!({"as": "phone"}), json!("+49 (0)30 123456"), "4930123456");
    hashed(json!({"as": "phone-plus"}), json!(4930123456_u64), "+4930123456");
    for national in ["030 123456", "30123456", "4930123456", "+49 30 123456"] {
        hashed(json!({"as": "phone", "country_code": "49"}), json!(national), "4930123456");
    }
    hashed(json!({"as": "phone", "country_code": "49"}), json!("+1 650 555 1212"), "16505551212");
    hashed(json!({"as": "phone-plus", "country_code": "49"}), json!("none"), "");
    // As it is in the vendors' own documentation.
    assert_eq!(digest("16505551212"), "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176");

    check(
        json!({"hash": {"fields": ["a", "b.*"]}}),
        json!({"a": "", "b": null, "c": "x"}),
        json!({"a": "", "b": null, "c": "x"}),
    );
    check(json!({"hash": {"fields": ["a"]}}), json!({"a": [{"b": true}]}), json!({"a": [{"b": digest("true")}]}));
    let digested = json!({ "a": digest("x") });
    check(
        json!({"hash": {"fields": ["a"], "as": "email"}}),
        json!({ "a": digest("x").to_uppercase() }),
        digested.clone(),
    );
    check(json!({"hash": {"fields": ["a"], "as": "phone"}}), digested.clone(), digested);
    check(json!({"hash": {"fields": ["a"]}}), json!({ "a": digest("x") }), json!({ "a": digest(&digest("x")) }));
    wrong(
        json!({"hash": {"fields": ["a.*.b"], "as": "email", "country_code": "49"}}),
        &[
            "`transform.hash.fields[0]`: `*` stands only at the end of a field path, as in `properties.*`",
            "`transform.hash.country_code`: a country code is for phone numbers only",
        ],
    );
}

#[test]
fn mask_replaces_what_matches() {
    let mask = |mask: Value, event: Value, expected: Value| check(json!({ "mask": mask }), event, expected);
    mask(json!({"fields": ["a"], "pattern": "[0-9]+"}), json!({"a": "12 and 3"}), json!({"a": "*** and ***"}));
    mask(json!({"fields": ["a"], "pattern": "[0-9]{4}", "with": "x"}), json!({"a": 123456}), json!({"a": "x56"}));
    mask(
        json!({"fields": ["*"], "pattern": "^(.).*(?<domain>@.*)$", "with": "$1…${domain}"}),
        json!({"a": "jane@shop.example", "b": ["x"]}),
        json!({"a": "j…@shop.example", "b": ["x"]}),
    );
    mask(json!({"fields": ["a"], "pattern": "x", "with": "$$1"}), json!({"a": "x"}), json!({"a": "$1"}));
    mask(json!({"fields": ["a"], "pattern": "x", "with": ""}), json!({"a": "axb"}), json!({"a": "ab"}));
    mask(json!({"fields": ["a"], "pattern": "^"}), json!({"a": true}), json!({"a": true}));
    mask(json!({"fields": ["a"], "pattern": r"\w{1,100}"}), json!({"a": "ab c"}), json!({"a": "*** ***"}));
    let wrong_pattern = |pattern: &str, expected: &str| {
        wrong(json!({"mask": {"fields": ["a"], "pattern": pattern}}), &[expected]);
    };
    wrong_pattern("(a", "`transform.mask.pattern`: this is no regular expression: unclosed group");
    wrong_pattern(
        "(?=a)",
        "`transform.mask.pattern`: this is no regular expression: look-around, including look-ahead and look-behind, is not supported",
    );
    wrong_pattern(
        r"\w{1,1000}",
        "`transform.mask.pattern`: this is no regular expression: it takes too much memory, mostly by a large repetition",
    );
    wrong(
        json!({"mask": {"fields": ["a"], "pattern": "(a)", "with": "$1b$1"}}),
        &["`transform.mask.with`: the pattern has no group `1b`"],
    );
    wrong(
        json!({"mask": {"fields": ["a"], "pattern": "(a)", "with": "${2}"}}),
        &["`transform.mask.with`: the pattern has no group `2`"],
    );
}

#[test]
fn a_mask_neither_grows_a_text_nor_looks_at_it_for_ever() {
    let masked = |pattern: &str, with: &str, text: &str| {
        let transform =
            compile(&json!({"mask": {"fields": ["a"], "pattern": pattern, "with": with}})).expect("compiles");
        let fields = Outline::from(json!({ "a": text }).as_object().expect("an object"));
        let view = View::new(&fields);
        let mut event = Passage::of(&view, &fields);
        transform.apply(&mut event).expect("not filtered");
        event.fields().to_map()["a"].as_str().map(str::to_owned).expect("text")
    };
    assert_eq!(masked("x", &"é".repeat(32), &"x".repeat(10)).len(), 256);
    assert_eq!(masked("x", &"y".repeat(64), &"x".repeat(500)).len(), 1_000);
    assert_eq!(masked("x", "y", &"x".repeat(5_000)), "y".repeat(1_000));
}

#[test]
fn truncate_ip_leaves_the_network() {
    let truncated = |ip: Value, expected: Value| {
        check(
            json!({"truncate_ip": ["context.ip"]}),
            json!({"context": {"ip": ip}}),
            json!({"context": {"ip": expected}}),
        );
    };
    truncated(json!("203.0.113.7"), json!("203.0.113.0"));
    truncated(json!("203.0.113.0"), json!("203.0.113.0"));
    truncated(json!("203.0.113.7:8080"), json!("203.0.113.0"));
    truncated(json!("2001:db8:1234:5678:9abc::1"), json!("2001:db8:1234::"));
    truncated(json!("[2001:db8:1234:5678::1]:443"), json!("2001:db8:1234::"));
    truncated(json!("[2001:db8:1234:5678::1]"), json!("2001:db8:1234::"));
    truncated(json!("fe80::1%eth0"), json!("fe80::"));
    truncated(json!("::ffff:203.0.113.7"), json!("203.0.113.0"));
    truncated(json!("203.0.113.7, 2001:db8::1"), json!("203.0.113.0, 2001:db8::"));
    truncated(json!(["203.0.113.7", 3_405_803_783_u32]), json!(["203.0.113.0", null]));
    truncated(json!("jane's laptop"), json!(null));
    truncated(json!("203.0.113.7, jane"), json!(null));
}

#[test]
fn lower_is_for_texts() {
    check(
        json!({"lower": ["a.*", "b"]}),
        json!({"a": ["ÄB", {"c": "D"}, 1], "b": "b"}),
        json!({"a": ["äb", {"c": "d"}, 1], "b": "b"}),
    );
    check(json!({"lower": ["a"]}), json!({"a": "b", "c": "D"}), json!({"a": "b", "c": "D"}));
}

#[test]
fn coerce_changes_the_type_where_it_can() {
    let coerced = |to: &str, value: Value, expected: Value| {
        check(json!({"coerce": {"a.b": to}}), json!({"a": [{ "b": value }]}), json!({"a": [{ "b": expected }]}));
    };
    coerced("number", json!(" 29.90 "), json!(29.9));
    coerced("number", json!("42"), json!(42));
    coerced("number", json!("1e3"), json!(1000));
    coerced("number", json!("18446744073709551615"), json!(u64::MAX));
    coerced("number", json!(true), json!(1));
    for text in ["", "29,90", "29.90 EUR", "inf", "NaN", "0x10"] {
        coerced("number", json!(text), json!(text));
    }
    coerced("string", json!(42), json!("42"));
    coerced("string", json!(29.9), json!("29.9"));
    coerced("string", json!(false), json!("false"));
    coerced("string", json!(null), json!(null));
    for yes in [json!("true"), json!("YES"), json!(" 1 "), json!(1)] {
        coerced("boolean", yes, json!(true));
    }
    for no in [json!("false"), json!("off"), json!(0)] {
        coerced("boolean", no, json!(false));
    }
    coerced("boolean", json!("maybe"), json!("maybe"));
    coerced("boolean", json!(2), json!(2));
}

#[test]
fn map_event_renames_events() {
    let spec = json!({"map_event": {"Purchase": "Order Completed", "Start": "Home"}});
    check(
        spec.clone(),
        json!({"type": "track", "event": "Purchase"}),
        json!({"type": "track", "event": "Order Completed"}),
    );
    check(spec.clone(), json!({"type": "page", "name": "Start"}), json!({"type": "page", "name": "Home"}));
    check(
        spec.clone(),
        json!({"type": "track", "event": "Other", "name": "Start"}),
        json!({"type": "track", "event": "Other", "name": "Start"}),
    );
    check(spec, json!({"type": "identify"}), json!({"type": "identify"}));
}

#[test]
fn filter_keeps_the_event_away() {
    let spec = json!([{"set": {"internal": "event.ip == '10.0.0.1'"}}, {"when": "event.internal", "filter": true}, {"drop": ["ip"]}]);
    check(spec.clone(), json!({"ip": "10.0.0.1"}), json!("it is filtered where `event.internal`"));
    check(spec, json!({"ip": "10.0.0.2"}), json!({"internal": false}));
    wrong(json!({"filter": true}), &["`transform.filter`: without a condition, `filter` drops every event"]);
    wrong(json!({"when": "true", "filter": false}), &["`transform.filter`: `filter` is `true`, or is left out"]);
}

#[test]
fn redact_pii_looks_into_texts_and_numbers() {
    check(
        json!({"redact_pii": ["context.*", "properties.card"]}),
        json!({
            "userId": "jane@shop.example",
            "context": {"page": {"url": "https://shop.example/?e=jane%40shop.example"}, "tags": ["call +49 170 1234567", true]},
            "properties": {"card": 4_111_111_111_111_111_u64},
        }),
        json!({
            "userId": "jane@shop.example",
            "context": {"page": {"url": "https://shop.example/?e=(email)"}, "tags": ["call (phone)", true]},
            "properties": {"card": "(card)"},
        }),
    );
    check(json!({"redact_pii": ["*"]}), json!({"a": 1, "b": "text"}), json!({"a": 1, "b": "text"}));
}

#[test]
fn exactly_one_change() {
    wrong(json!({}), &["`transform`: a transformation makes exactly one change"]);
    wrong(json!({"drop": ["a"], "lower": ["a"]}), &["`transform`: a transformation makes exactly one change"]);
    // Everything that is wrong is said at once.
    wrong(
        json!({"when": "a ==", "drop": ["a..b"], "lower": ["", "a"]}),
        &[
            "`transform.when`: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
            "`transform.drop[0]`: a field path has no empty part: write it as `context.page.url`",
            "`transform.lower[0]`: a field path has no empty part: write it as `context.page.url`",
        ],
    );
}

#[test]
fn each_change_is_a_key_of_the_container() {
    let schema = serde_json::to_value(schemars::schema_for!(model::Transform)).expect("schema");
    let mut keys: Vec<&str> =
        schema["properties"].as_object().expect("properties").keys().map(String::as_str).collect();
    keys.retain(|key| !["tags", "when"].contains(key));
    let mut names: Vec<&str> = change_names().collect();
    names.sort_unstable();
    keys.sort_unstable();
    assert_eq!(names, keys);
}

#[test]
fn a_trace_names_what_changed_and_no_value() {
    let specs = json!([
        {"drop": ["context.ip", "missing"]},
        {"lower": ["*"]},
        {"set": {"properties.same": "event.properties.same", "properties.total.cents": "100.0"}},
        {"rename": {"properties.products.id": "properties.products.sku"}},
        {"when": "true", "filter": true},
        {"drop": ["event"]},
    ]);
    let shared = specs.as_array().expect("list").iter().map(|spec| compile(spec).expect("compiles")).collect();
    let tag = serde_json::from_value(json!({"name": "mine", "use": "webhook"})).expect("tag");
    let Value::Object(fields) = json!({
        "event": "Viewed", "context": {"ip": "203.0.113.7", "page": {"url": "u"}},
        "properties": {"same": 1, "products": [{"id": "a"}, {"id": "b"}]},
    }) else {
        panic!("an object")
    };
    let traced = Chain::compile(&tag, shared).expect("compiles").trace(&View::new(&Outline::from(&fields)));
    let traced: Vec<(&str, String)> = traced.iter().map(|traced| (traced.change, traced.fields.join(" "))).collect();
    let expected = [
        ("drop", "context.ip"),
        ("lower", "event"),
        ("set", "properties.total"),
        ("rename", "properties.products.id properties.products.sku"),
        // It keeps the event away: what comes after it is not made.
        ("filter", ""),
    ];
    assert_eq!(traced, expected.map(|(change, fields)| (change, fields.to_owned())));
}
