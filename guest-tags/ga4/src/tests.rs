//! The vendor's limits on whole requests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use tagyard_tag::Output;

use crate::{Ga4, MAX_BODY};

fn run(events: &[String]) -> Output {
    tagyard_tag::run::<Ga4>(events, r#"{"measurement_id": "G-ABC123"}"#).expect("output")
}

fn event(properties: &str) -> String {
    format!(r#"{{"type": "track", "event": "Products Compared", "anonymousId": "a", "properties": {{{properties}}}}}"#)
}

/// As many products as GA4 takes, each with as many parameters of its own.
fn products(count: usize) -> String {
    let custom: Vec<String> = (0..9).map(|number| format!(r#""own_{number}": "{}""#, "x".repeat(100))).collect();
    let products: Vec<String> =
        (0..count).map(|number| format!(r#"{{"product_id": "p{number}", {}}}"#, custom.join(","))).collect();
    format!(r#""products": [{}]"#, products.join(","))
}

#[test]
fn a_request_has_at_most_25_events() {
    let out = run(&[(); 27].map(|()| event("")));
    let carried: Vec<_> = out.requests.iter().map(|request| request.events.len()).collect();
    assert_eq!(carried, [25, 2]);
}

#[test]
fn a_larger_request_is_divided_and_a_larger_event_rejected() {
    let half = event(&products(80));
    let out = run(&[half.clone(), half.clone(), half]);
    assert!(out.requests.len() > 1);
    assert!(out.requests.iter().all(|request| request.body.len() < MAX_BODY));
    let carried: Vec<_> = out.requests.iter().flat_map(|request| request.events.clone()).collect();
    assert_eq!(carried, [0, 1, 2]);

    let out = run(&[event(""), event(&products(200))]);
    assert_eq!(out.requests.iter().map(|request| request.events.clone()).collect::<Vec<_>>(), [[0]]);
    assert_eq!(out.rejected.iter().map(|note| note.event).collect::<Vec<_>>(), [1]);
}

#[test]
fn an_event_has_at_most_25_parameters_and_200_items() {
    let properties: Vec<String> = (0..40).map(|number| format!(r#""p{number}": {number}"#)).collect();
    let out = run(&[event(&properties.join(","))]);
    let body = String::from_utf8(out.requests[0].body.clone()).unwrap();
    assert!(body.contains(r#""p23":23"#) && !body.contains("p24"), "{body}");

    let items: Vec<String> = (0..201).map(|number| format!(r#"{{"sku": "s{number}"}}"#)).collect();
    let out = run(&[event(&format!(r#""items": [{}]"#, items.join(",")))]);
    let body = String::from_utf8(out.requests[0].body.clone()).unwrap();
    assert!(body.contains(r#""s199""#) && !body.contains("s200"), "{body}");
}
