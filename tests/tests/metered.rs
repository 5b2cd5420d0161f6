//! Metered tags: they do the same as before, and stop by themselves.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::borrow::Cow;
use std::path::Path;

use serde_json::json;
use tagyard::meter::{Budget, meter};
use tagyard::registry::{self, TagComponent};
use tagyard::sandbox::{CallError, Measure};
use tagyard_pipeline::container::model::Limits;
use tagyard_pipeline::path::Fields;
use tagyard_pipeline::redact::Redacted;
use tagyard_tests::guests;

const BUDGET: Budget = Budget { instructions: 50_000_000, memory_mib: 64 };

#[test]
fn a_metered_tag_gives_the_same_for_every_example() {
    let measure = Measure::start().unwrap();
    let limits = Limits::default();
    let mut count = 0;
    for name in registry::bundled_names() {
        let plain = registry::resolve(name, Path::new("")).unwrap();
        let metered = TagComponent::read(Cow::Owned(meter(&plain.bytes, BUDGET).unwrap())).unwrap();
        assert_eq!((metered.metered, &metered.manifest), (Some(BUDGET), &plain.manifest));
        assert_ne!(metered.sha256, plain.sha256);
        let (before, after) =
            (measure.load(&plain.bytes, &limits).unwrap(), measure.load(&metered.bytes, &limits).unwrap());
        let fields = Fields::parse(plain.manifest.fields.iter().chain(&plain.manifest.optional_fields)).unwrap();
        for example in registry::bundled_examples(name).unwrap() {
            let events: Vec<_> = example.events.iter().map(|event| Redacted::new(event, &fields)).collect();
            let (expected, _) = before.call(events.clone(), &example.settings);
            let (actual, _) = after.call(events, &example.settings);
            assert_eq!(actual, expected, "{name}: {}", example.name);
            count += 1;
        }
    }
    assert!(count >= 40, "{count} examples");
}

#[test]
fn a_metered_tag_stops_by_itself() {
    let component = std::fs::read(guests::folder().join("guest_misbehaving.wasm")).unwrap();
    // Ten seconds: nothing but the budget would stop it so early.
    let patient = Limits { deadline_ms: 10_000, memory_mib: 256 };
    let measure = Measure::start().unwrap();
    let fields = Fields::parse(["type"]).unwrap();
    let event = json!({ "type": "page" });
    let call = |deed: &str, budget: Budget| {
        let metered = meter(&component, budget).unwrap();
        let events = vec![Redacted::new(event.as_object().unwrap(), &fields)];
        measure
            .load(&metered, &patient)
            .unwrap()
            .call(events, &json!({ "do": deed, "url": "https://vendor.example/" }).to_string())
    };
    let (result, cost) = call("loop", BUDGET);
    assert!(matches!(result, Err(CallError::Trap(_))), "{result:?}");
    // What charges is itself some instructions for each that it charges for.
    assert!(cost.instructions < 10 * BUDGET.instructions, "{cost:?}");
    let (result, cost) = call("take everything", Budget { memory_mib: 8, ..BUDGET });
    assert!(result.is_err(), "{result:?}");
    assert!(cost.memory <= 8 << 20, "{cost:?}");
    let (result, _) = call("nothing wrong", BUDGET);
    assert_eq!(result.unwrap().requests.len(), 1);
}
