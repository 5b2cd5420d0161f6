//! What keeps a tag from running, and what does not.
#![allow(clippy::panic, clippy::expect_used)]

use super::*;
use serde_json::json;

fn check(tag: Value, event: Value, expected: Result<(), &str>) {
    let mut whole = json!({"name": "ga4-web", "use": "ga4"});
    whole.as_object_mut().expect("object").append(tag.as_object().cloned().as_mut().expect("object"));
    let tag: model::Tag = serde_json::from_value(whole).expect("tag");
    let mut fields = json!({"type": "track", "event": "Order Completed", "messageId": "m", "userId": "u"});
    fields.as_object_mut().expect("object").append(event.as_object().cloned().as_mut().expect("object"));
    let event: Event = serde_json::from_value(fields).expect("event");
    let trigger = Trigger::compile(&tag).expect("trigger");
    let received_at = "2026-11-21T10:00:00Z".parse().expect("time");
    let actual = trigger.test(&event, received_at, &View::of(&event)).map_err(|clause| clause.to_string());
    assert_eq!(actual, expected.map_err(str::to_owned), "{tag:?}");
}

#[test]
fn runs_by_name_type_and_condition() {
    check(json!({}), json!({}), Ok(()));
    check(json!({"on": ["page", "Order Completed"]}), json!({}), Ok(()));
    check(json!({"on": ["page"]}), json!({}), Err("`on` names neither the event nor its type"));
    check(json!({"on": ["Home"]}), json!({"type": "page", "name": "Home"}), Ok(()));
    check(json!({"when": "event.properties.revenue > 10.0"}), json!({"properties": {"revenue": 11}}), Ok(()));
}

#[test]
fn names_the_clause_that_was_false() {
    let when = "has(event.userId) && event.properties.revenue > 10.0 && (event.a || event.b)";
    check(
        json!({"when": when}),
        json!({"properties": {"revenue": 9}}),
        Err("`event.properties.revenue > 10.0` is false"),
    );
    check(
        json!({"when": when}),
        json!({}),
        Err("`event.properties.revenue > 10.0` is false, since a field is missing"),
    );
    check(json!({"when": "event.event == 'a && b' && true"}), json!({}), Err("`event.event == 'a && b'` is false"));
    check(json!({"when": "false && true || false"}), json!({}), Err("`false && true || false` is false"));
}

#[test]
fn honours_the_senders_integrations() {
    check(json!({}), json!({"integrations": {"GA4": false}}), Err("the sender switched `ga4` off in `integrations`"));
    check(json!({}), json!({"integrations": {"All": false}}), Err("the sender switched `All` off in `integrations`"));
    check(json!({}), json!({"integrations": {"All": false, "ga4-web": {"clientId": 1}}}), Ok(()));
    check(json!({}), json!({"integrations": {"Mixpanel": false}}), Ok(()));
}

/// Whether `when` lets an event with these properties through.
fn when(condition: &str, properties: Value) -> bool {
    let tag = json!({"name": "t", "use": "webhook", "when": condition});
    let trigger =
        Trigger::compile(&serde_json::from_value(tag).expect("tag")).unwrap_or_else(|error| panic!("{error}"));
    let event = json!({"type": "page", "messageId": "m", "userId": "u", "properties": properties});
    let event: Event = serde_json::from_value(event).expect("event");
    trigger.test(&event, Timestamp::UNIX_EPOCH, &View::of(&event)).is_ok()
}

/// Each condition that there is elsewhere, with a value for which it is true, one for which it is false, and none at all.
#[test]
fn every_condition_can_be_said() {
    let check = |condition: &str, yes: Value, no: Value| {
        let condition = condition.replace("#a", "event.properties.a");
        assert!(when(&condition, json!({"a": yes})), "{condition}: {yes}");
        assert!(!when(&condition, json!({"a": no})), "{condition}: {no}");
        assert!(!when(&condition, json!({})), "{condition}: nothing");
    };
    check("#a == 'x'", json!("x"), json!("X"));
    check("#a != 'x'", json!("X"), json!("x"));
    check("#a == 5", json!(5), json!(5.5));
    check("#a.lower() == 'straße'", json!("STRAßE"), json!("x"));
    check("#a.upper() != 'X'", json!("y"), json!("x"));
    check("#a.trim() == 'x'", json!(" x "), json!("x y"));
    check("#a.contains('b')", json!("abc"), json!("aBc"));
    check("!#a.contains('b')", json!("aBc"), json!("abc"));
    check("#a.lower().contains('b')", json!("aBc"), json!("ac"));
    check("#a.startsWith('a')", json!("abc"), json!("bc"));
    check("!#a.startsWith('a')", json!("bc"), json!("abc"));
    check("#a.lower().startsWith('a')", json!("Abc"), json!("bc"));
    check("#a.endsWith('c')", json!("abc"), json!("ab"));
    check("!#a.endsWith('c')", json!("ab"), json!("abc"));
    check("#a.lower().endsWith('c')", json!("abC"), json!("ab"));
    check("#a.matches('^a+$')", json!("aaa"), json!("aab"));
    check("matches(#a, '^a+$')", json!("aaa"), json!("aab"));
    check("!#a.matches('^a+$')", json!("aab"), json!("aaa"));
    check("#a.matches('(?i)^a+$')", json!("aAa"), json!("aab"));
    check("#a > 5", json!(6), json!(5));
    check("!(#a > 5)", json!(5), json!(6));
    check("#a >= 5.5", json!(5.5), json!(5));
    check("#a < 5", json!(4), json!(5));
    check("#a <= 5", json!(5), json!(6));
    check("double(#a) > 5.0", json!("5.5"), json!("4"));
    check("#a in ['x', 'y']", json!("x"), json!("z"));
    check("!(#a in ['x', 'y'])", json!("z"), json!("x"));
    check("#a.lower() in ['x', 'y']", json!("X"), json!("z"));
    check("#a in [1, 2]", json!(2), json!(3));
    check("'x' in #a", json!(["x"]), json!(["y"]));
    check("#a.exists(item, item.price > 5)", json!([{"price": 1}, {"price": 6}]), json!([{"price": 5}]));
    check("#a.all(item, item.startsWith('a'))", json!(["ab", "ac"]), json!(["b"]));
    check("#a.inCidr('192.0.2.0/24')", json!("192.0.2.7"), json!("192.0.3.7"));
    check("!#a.inCidr('192.0.2.0/24')", json!("192.0.3.7"), json!("::ffff:192.0.2.7"));
    check("#a.inCidr(['10.0.0.0/8', '2001:db8::/32', '192.0.2.1'])", json!("2001:db8::7"), json!("192.0.2.2"));
    check("#a.inCidr('10.0.0.0/8')", json!("10.1.2.3"), json!("no address"));
    check("#a == true", json!(true), json!(false));
    check("#a == null", json!(null), json!(0));
    check("#a > 1 && #a < 5", json!(2), json!(5));
    check("#a == 1 || #a == 2", json!(2), json!(3));
    check("(#a == 1 || #a == 2) && !(#a == 2)", json!(1), json!(2));
    check("size(#a) > 2", json!("abc"), json!("ab"));
    for (condition, expected) in
        [("has(event.properties.a)", [true, false]), ("!has(event.properties.a)", [false, true])]
    {
        assert_eq!([when(condition, json!({"a": null})), when(condition, json!({}))], expected, "{condition}");
    }
    // Where a missing field is to count, it is said so.
    assert!(when("!has(event.properties.a) || event.properties.a != 'x'", json!({})));
}

#[test]
fn a_pattern_takes_linear_time() {
    assert!(!when("event.properties.a.matches('^(a+)+$')", json!({"a": format!("{}b", "a".repeat(100_000))})));
}

#[test]
fn except_blocks_what_it_is_true_of() {
    let except = json!({"on": ["track"], "except": "event.properties.test == true || event.userId == 'robot'"});
    check(except.clone(), json!({"properties": {"test": false}}), Ok(()));
    check(except.clone(), json!({}), Ok(()));
    let expected = Err("`except` is true: `event.properties.test == true || event.userId == 'robot'`");
    check(except.clone(), json!({"properties": {"test": true}}), expected);
    check(except, json!({"userId": "robot"}), expected);
}

#[test]
fn between_goes_by_when_an_event_was_received() {
    let outside = Err("it was received outside of `between`");
    let check = |from: &str, until: &str, expected| check(json!({"between": [from, until]}), json!({}), expected);
    check("2026-11-21T10:00:00Z", "2026-11-21T10:00:01Z", Ok(()));
    check("2026-11-21T11:00:00+01:00", "2026-11-22T00:00:00+01:00", Ok(()));
    check("2026-11-20T00:00:00Z", "2026-11-21T10:00:00Z", outside);
    check("2026-11-21T10:00:01Z", "2026-11-22T00:00:00Z", outside);
}

#[test]
fn a_window_is_two_times_in_order() {
    let check = |from: &str, until: &str, expected: &str| {
        let times = [from.to_owned(), until.to_owned()];
        assert_eq!(Window::parse(&times).expect_err("no window").to_string(), expected);
    };
    let form = "write it as `2026-11-27T00:00:00+01:00`, with its distance to UTC, or `Z`";
    check("2026-11-21", "2026-11-22", &format!("`2026-11-21` is no time: {form}"));
    check("2026-11-21T10:00:00", "2026-11-22T00:00:00Z", &format!("`2026-11-21T10:00:00` is no time: {form}"));
    check("2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", "the first time is not before the second");
}

#[test]
fn a_sample_takes_its_share_of_users_and_always_the_same() {
    let takes = |share: f64, user: &str| {
        let event = json!({"type": "page", "messageId": "m", "userId": user});
        Sample(share).takes(&serde_json::from_value(event).expect("event"))
    };
    let users: Vec<String> = (0..1000).map(|user| format!("user-{user}")).collect();
    let taken = |share: f64| users.iter().filter(|user| takes(share, user)).collect::<Vec<_>>();
    assert_eq!((taken(0.0).len(), taken(1.0).len()), (0, 1000));
    assert!((60..140).contains(&taken(0.1).len()), "{}", taken(0.1).len());
    assert!((440..560).contains(&taken(0.5).len()), "{}", taken(0.5).len());
    assert!(taken(0.1).iter().all(|user| taken(0.5).contains(user)));
    let out = users.iter().find(|user| !takes(0.1, user)).expect("a user");
    check(json!({"sample": 0.1}), json!({"userId": out}), Err("its user is not in the `sample` of 0.1"));
}

#[test]
fn every_clause_is_shown_with_what_it_read() {
    let tag = json!({
        "name": "t", "use": "webhook", "on": ["track", "Home"], "sample": 1.0,
        "between": ["1969-12-31T00:00:00Z", "1970-01-02T00:00:00Z"],
        "when": "event.properties.total > 20 && event.properties.coupon == 'X'", "except": "event.userId == 'robot'",
    });
    let trigger = Trigger::compile(&serde_json::from_value(tag).expect("tag")).expect("trigger");
    let event = json!({"type": "page", "messageId": "m", "userId": "u", "properties": {"total": 29.9}});
    let event: Event = serde_json::from_value(event).expect("event");
    let shown = |clause: &str, value, no_value, read: &[(&str, Option<Value>)]| Shown {
        clause: clause.to_owned(),
        value,
        no_value,
        read: read.iter().map(|(path, value)| ((*path).to_owned(), value.clone())).collect(),
    };
    assert_eq!(
        trigger.show(&event, Timestamp::UNIX_EPOCH, &View::of(&event)),
        [
            shown("on track, Home", false, None, &[("event.name", None), ("event.type", Some(json!("page")))]),
            shown(
                "between 1969-12-31T00:00:00Z and 1970-01-02T00:00:00Z",
                true,
                None,
                &[("received", Some(json!("1970-01-01T00:00:00Z")))],
            ),
            shown("sample 1", true, None, &[("user", Some(json!("u")))]),
            shown("when event.properties.total > 20", true, None, &[("event.properties.total", Some(json!(29.9)))]),
            shown(
                "when event.properties.coupon == 'X'",
                false,
                Some(NoValue::Missing),
                &[("event.properties.coupon", None)],
            ),
            shown("except event.userId == 'robot'", false, None, &[("event.userId", Some(json!("u")))]),
        ]
    );
}

#[test]
fn what_takes_too_many_steps_keeps_a_tag_from_running_whichever_way_it_is_asked() {
    let hostile = "event.properties.a.exists(x, event.properties.a.exists(y, y != x))";
    let event = || json!({"properties": {"a": vec![1; 5_000]}});
    let because = "since it takes more steps than an expression may";
    check(json!({"when": hostile}), event(), Err(&format!("`{hostile}` is false, {because}")));
    check(json!({"except": hostile}), event(), Err(&format!("`except` has no answer, {because}: `{hostile}`")));
    check(json!({"except": hostile}), json!({"properties": {"a": [1]}}), Ok(()));
}
