//! The event that everything is measured with: the order of the ga4 tag's examples, two products, a page, cookies, consent.

use serde_json::{Map, Value};
use tagyard_tests::top;

const EXAMPLE: &str = "guest-tags/ga4/examples/order-completed.json";

/// The event, and the ga4 settings it is shown with.
pub(crate) fn order() -> (Map<String, Value>, String) {
    let text = std::fs::read(top().join(EXAMPLE)).expect("the example");
    let mut example: Value = serde_json::from_slice(&text).expect("JSON");
    let settings = example["settings"].to_string();
    let Value::Object(event) = example["event"].take() else { panic!("{EXAMPLE} has one event") };
    (event, settings)
}
