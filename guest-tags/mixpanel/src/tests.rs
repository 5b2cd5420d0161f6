//! The vendor's limits on whole requests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use tagyard_tag::Output;

use crate::Mixpanel;

fn run(events: &[String]) -> Output {
    tagyard_tag::run::<Mixpanel>(events, "{}").expect("output")
}

fn event(properties: &str) -> String {
    format!(
        r#"{{"type": "track", "event": "Note Saved", "messageId": "m", "timestamp": "2026-11-21T10:00:00Z", "properties": {{{properties}}}}}"#
    )
}

#[test]
fn a_larger_request_is_divided_and_a_larger_event_rejected() {
    let half = event(&format!(r#""text": "{}""#, "x".repeat(600_000)));
    let out = run(&[half.clone(), half, event(&format!(r#""text": "{}""#, "x".repeat(1_000_000)))]);
    assert_eq!(out.requests.iter().map(|request| request.events.clone()).collect::<Vec<_>>(), [[0], [1]]);
    assert_eq!(out.rejected.iter().map(|note| note.event).collect::<Vec<_>>(), [2]);
}

#[test]
fn an_event_has_fewer_than_255_properties_and_a_list_fewer_than_255_elements() {
    let properties: Vec<String> = (0..300).map(|number| format!(r#""p{number}": 1"#)).collect();
    let out = run(&[event(&properties.join(","))]);
    let body = String::from_utf8(out.requests[0].body.clone()).unwrap();
    // With `time`, `$insert_id`, `distinct_id` and `ip`: 254.
    assert!(body.contains(r#""p249""#) && !body.contains(r#""p250""#), "{body}");

    let list: Vec<String> = (0..300).map(|number| format!("{number}")).collect();
    let out = run(&[event(&format!(r#""list": [{}]"#, list.join(",")))]);
    let body = String::from_utf8(out.requests[0].body.clone()).unwrap();
    assert!(body.contains(",253]"), "{body}");
}
