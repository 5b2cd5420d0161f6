//! What expressions say of an event.
#![allow(clippy::panic, clippy::expect_used)]

use super::*;
use crate::outline::Outline;
use serde_json::json;

fn check(source: &str, expected: Result<Value, NoValue>) {
    let event = json!({"event": "Order Completed", "properties": {"revenue": 120, "coupon": null, "tags": ["a", "b"]}});
    let Value::Object(fields) = event else { panic!("an object") };
    let expression = Expression::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    assert_eq!(expression.value(&View::new(&Outline::from(&fields))), expected, "{source}");
}

#[test]
fn computes_over_the_event() {
    check("event.properties.revenue > 100.0", Ok(json!(true)));
    check("event.properties.revenue == 120", Ok(json!(true)));
    check("event.properties.revenue * 1.2", Ok(json!(144)));
    check("has(event.properties.missing) && event.properties.missing > 0.0", Ok(json!(false)));
    check("event.properties.missing > 0.0", Err(NoValue::Missing));
    check("event.event.startsWith('Order')", Ok(json!(true)));
    check("event.event.matches('^Order [A-Z]')", Ok(json!(true)));
    check("'b' in event.properties.tags", Ok(json!(true)));
    check("event.properties.tags[5]", Err(NoValue::Missing));
    check("event.event + 1", Err(NoValue::Type));
    check("{'a': event.properties.tags}", Ok(json!({"a": ["a", "b"]})));
    check("1.0 / 0.0", Err(NoValue::Other));
}

#[test]
fn reads_only_what_it_names() {
    let check = |source: &str, expected: &[&str]| {
        let expression = Expression::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        let paths: Vec<String> = expression.reads().paths().iter().map(|path| path.join(".")).collect();
        assert_eq!(paths, expected, "{source}");
    };
    check("1 + 1 == 2", &[]);
    check("event.a.b > 1 && event['a'].c == event.a[event.d]", &["event.a", "event.a.b", "event.a.c", "event.d"]);
    check("has(event.a.b) || event.?c.orValue(1) == 1", &["event.a.b", "event.c"]);
    check("event.list.exists(item, item.price > event.limit)", &["event.limit", "event.list"]);
    check("event.list[0].price == 1", &["event.list"]);
    check(
        "{'x': event.a}.x in [event.b, vars.c, request.cookies.d]",
        &["event.a", "event.b", "request.cookies.d", "vars.c"],
    );
    check("size(event) > 2", &["event"]);
}

#[test]
fn what_is_not_there_is_missing_in_every_way_to_ask() {
    check("event.?properties.?missing.orValue('none')", Ok(json!("none")));
    check("event.properties['missing'] == 1", Err(NoValue::Missing));
    check("vars.missing == 1", Err(NoValue::Missing));
    check("has(vars.missing)", Ok(json!(false)));
    check("request.cookies.missing == ''", Err(NoValue::Missing));
    check("request.path == ''", Err(NoValue::Missing));
    check("consent.analytics", Ok(json!(false)));
    check("size(event) == 2", Ok(json!(true)));
    check("event.properties.tags.join('-')", Ok(json!("a-b")));
    check("event.properties", Ok(json!({"revenue": 120, "coupon": null, "tags": ["a", "b"]})));
}

#[test]
fn what_can_never_be_true_does_not_compile() {
    let check = |source: &str, expected: &str| {
        let error = Expression::compile(source).map(|_| ()).expect_err(source);
        assert!(error.to_string().starts_with(expected), "{source}: {error}");
        assert!(error.offset.is_some(), "{source}");
    };
    check("evnt.a", "unknown variable `evnt`: an expression sees `event`, `request`, `visitor`, `consent`, `vars`");
    check("event.a.startswith('b')", "there is no function `startswith`");
    check("event.a.matches('(')", "not a regular expression: unclosed group");
    check("event.a.matches('(a{1000}){1000}')", "the pattern is too large");
    check("event.a.matches(event.b)", "a pattern is written out");
    check("event.a.inCidr(['10.0.0.0/8', '10.0.0.0/40'])", "`10.0.0.0/40` is no network");
    check("vars == 1", "`vars` is read by name, as in `vars.page_host`");
    check("'a' in consent", "`consent` is read by name, as in `consent.analytics`");
    check("size(request.cookies) > 1", "only what is named of a request is kept: `request.cookies.NAME`");
    check("visitor == 'x'", "name what of the visitor is meant: `visitor.country`, `visitor.region`");
    check("visitor.town == 'Ulm'", "of a visitor there is no `town`: there is `visitor.country`");
    check("visitor.country.code == 'US'", "of a visitor there is no `country.code`");
    check("request.body == ''", "a request has no `body`: it has `request.host`");
    check("request.headers['User-Agent'] == ''", "write header names in lower case: `user-agent`");
    check("request.headers.cookie == ''", "the header `cookie` is not kept; a cookie is `request.cookies.NAME`");
}

#[test]
fn says_where_an_expression_is_wrong() {
    let at = |source: &str| Expression::compile(source).map(|_| ()).map_err(|error| error.offset);
    assert_eq!(at("event.a &&"), Err(Some(10)));
    assert_eq!(at("event.a == 1 && evnt.b"), Err(Some(16)));
}

/// An event whose lists are as long as its sender likes.
fn long(length: usize) -> Value {
    json!({"a": vec![1; length], "b": vec![2; length], "text": "x".repeat(length), "o": {"k": vec![3; length]}})
}

#[test]
fn what_a_macro_repeats_is_bounded_by_steps() {
    let check = |source: &str, length: usize, expected: Result<Value, NoValue>| {
        let Value::Object(fields) = long(length) else { panic!("an object") };
        let expression = Expression::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(expression.value(&View::new(&Outline::from(&fields))), expected, "{source} of {length}");
    };
    let all_of_an_event = 16_000;
    // One loop over all of an event is no trouble, nor are loops within loops over lists as they are.
    check("event.a.all(x, x == 1 && x in [1.0, 2.0])", all_of_an_event, Ok(json!(true)));
    check("size(event.a.filter(x, x != 1).map(x, x * 2.0)) == 0", all_of_an_event, Ok(json!(true)));
    check("event.a.all(x, event.b.exists(y, y > x))", 200, Ok(json!(true)));
    check("event.a.map(x, event.b.filter(y, y == x)).all(l, size(l) == 0)", 200, Ok(json!(true)));
    check("event.a.exists(x, has(event.o.k) && event.b[0] == 3)", 200, Ok(json!(false)));
    check("event.a.exists_one(x, x == 2)", all_of_an_event, Ok(json!(false)));
    check("event.a.exists(x, event.?c.orValue(x) == 2)", 200, Ok(json!(false)));
    // Each of these would take hundreds of millions of turns, or more, with lists that fit into an event.
    for hostile in [
        "event.a.all(x, !event.b.exists(y, y == x))",
        "event.a.exists(x, !event.b.all(y, event.a.all(z, y != z)))",
        "event.a.exists_one(x, event.b.exists_one(y, y == x))",
        "size(event.a.map(x, event.b)) > 0",
        "size(event.a.map(x, event.b.map(y, event.a))) > 0",
        "event.a.exists(x, x in event.b)",
        "event.a.exists(x, event.a == event.b)",
        "event.a.exists(x, event.text.contains('y'))",
        "event.a.filter(x, sha256(event.text) == '').size() > 0",
        "event.a.exists(x, event.?b.orValue([]) == [])",
        "event.a.exists(x, event['b'] == [x])",
        "event.a.exists(x, event.o == {})",
        "event.a.map(x, event.b).exists(l, l.exists(y, y == 3.0))",
        "[event.a].exists(l, l.exists(x, l.exists(y, x != y)))",
        "event.a.all(x, [event.b].exists(l, 2.0 in l))",
    ] {
        check(hostile, all_of_an_event, Err(NoValue::Steps));
    }
    // An `||` beside it makes no answer of it.
    check("event.a.exists(x, event.a.exists(y, y != x)) || true", all_of_an_event, Err(NoValue::Steps));
}

/// A variable takes too many steps.
struct Heavy;

impl Around for Heavy {
    fn request(&self) -> &serde_json::Map<String, Value> {
        Nothing.request()
    }

    fn visitor(&self, _: &str) -> Option<&Value> {
        None
    }

    fn variable(&self, name: &str) -> Result<&Value, NoValue> {
        Err(if name == "heavy" { NoValue::Steps } else { NoValue::Missing })
    }

    fn is_given(&self, _: &str) -> bool {
        false
    }
}

/// The short way and CEL say the same of everything.
#[test]
fn what_is_answered_without_cel_is_what_cel_answers() {
    let values = json!([null, true, false, 0, 1, -1, 2.5, 1e300, 9_007_199_254_740_993_u64, "", "a", " Ab ", "true", "1", "10.1.2.3", "::ffff:10.1.2.3", "https://Shop.example/p?q=A&q=b#f", [], ["a"], ["a", 1], [1, 2], [{"b": 2}], [{}, {"b": null}],
        {}, {"b": 1}, {"b": null}, {"b": {"c": "x"}}]);
    let constants =
        ["'a'", "''", "true", "false", "0", "1", "1.0", "2.5", "-1", "9007199254740993", "1u", "null", "['a']"];
    let operators = ["==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/"];
    let paths = [
        "event.a",
        "event['a']",
        "event.a.b",
        "event.missing",
        "event.missing.b",
        "vars.a",
        "vars.heavy",
        "consent.a",
        "request.path",
        "url(event.a).host",
        "url('https://shop.example:1/p?q=a').host",
    ];
    let mut sources: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    for path in paths {
        for operator in operators {
            sources.extend(constants.iter().map(|constant| format!("{path} {operator} {constant}")));
        }
    }
    let conditions =
        ["event.a", "event.a == 1", "event.missing == 1", "event.a > 'a'", "vars.heavy", "has(event.a.b)", "true"];
    for one in conditions {
        sources.extend([
            format!("!({one})"),
            format!("{one} ? event.a : 1.0"),
            format!("event.a.exists(x, x == 1 || {one})"),
        ]);
        for other in conditions {
            sources.extend([
                format!("({one}) && ({other})"),
                format!("({one}) || ({other})"),
                format!("({one}) ? ({other}) : false"),
            ]);
        }
    }
    let others = [
        "event.a.lower() in ['x', 'a']",
        "event.a.lower() == 'a'",
        "event.a.upper()",
        "event.a.trim() + 'x'",
        "event.a.contains('a')",
        "event.a.startsWith(event.a)",
        "event.a.endsWith(1)",
        "event.a.matches('^[a-z]+$')",
        "event.a.inCidr('10.0.0.0/8')",
        "event.a.inCidr(['10.0.0.0/8', '2001:db8::1'])",
        "has(event.a)",
        "has(event.a.b)",
        "has(event.a.b.c)",
        "has(event.missing.b)",
        "has(vars.heavy)",
        "event.a.exists(x, x == 1)",
        "event.a.exists(x, x > 1.5)",
        "event.a.exists(x, has(x.b) && x.b > 1.0)",
        "event.a.exists(event, event == 'a')",
        "event.a.all(x, x != 'b')",
        "event.a.all(x, x.b == 1)",
        "event.a.exists_one(x, x == 'a')",
        "event.exists(x, x == 'a')",
        "event.a.exists(x, event.a.exists(y, x == y))",
        "event.a * 2.0 + 1.0 > event.a",
        "event.a / 0.0",
        "event.a / 0.0 > 1.0",
        "event.a * event.a",
        "event.a + event.a",
        "(event.a == 1 ? 1 : 2) * 2.0",
        "(event.a == 1 ? 1 : 2) + 2",
        "event.a + (event.a == 1 ? 1.0 : 2.0)",
        "url(event.a).port",
        "url(event.a).query.q",
        "url(event.a).query['q'].lower()",
        "url(event.a)['path']",
        "url(event.a).query",
        "url(event.a).nothing",
        "has(url(event.a).host)",
        "event.a in ['a', 'b']",
        "event.a.lower() in ['ab', '']",
        "event.a in ['a', 1]",
        "event.a in []",
        "event.missing in ['a']",
        "event",
        "event.a.?b.orValue(1)",
    ];
    sources.extend(others.map(str::to_owned));
    let (mut short, mut wrong) = (0, Vec::new());
    for source in sources {
        let expression = Expression::compile(&source).unwrap_or_else(|error| panic!("{source}: {error}"));
        for value in values.as_array().expect("a list") {
            let Value::Object(fields) = json!({"a": value}) else { panic!("an object") };
            let outline = Outline::from(&fields);
            let view = View::new(&outline).within(&Heavy);
            let (answer, by_cel) = (expression.value(&view), expression.by_cel(&view));
            if answer != by_cel {
                wrong.push(format!("{source} of {value} is {answer:?}, by CEL {by_cel:?}"));
            }
            short += usize::from(expression.code.plain.as_ref().and_then(|plain| plain.value(&view)).is_some());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for source in &others[..9] {
        assert!(Expression::compile(source).expect("compiles").code.plain.is_some(), "{source} takes CEL");
    }
    assert!(short > 5000, "only {short} were answered without CEL");
}
