//! The container of most tests, and their events.

use serde_json::{Value, json};

use crate::receiver::Receiver;

/// A webhook, which gives up after a second.
pub const CONTAINER: &str = r#"
name = "faults"

[collect]
write_keys = ["key"]

[deliver]
timeout_seconds = 1

[[tag]]
name = "orders"
use = "webhook"
settings = { url = "https://orders.shop.example/orders" }
allow = { hosts = ["orders.shop.example"], fields = ["*"] }
"#;

/// The container with a tag besides that does what no tag should.
pub fn with_guest(deed: &str) -> String {
    format!(
        r#"{CONTAINER}
[[tag]]
name = "guest"
use = "./guest_misbehaving.wasm"
settings = {{ do = "{deed}", url = "https://vendor.example/in" }}
allow = {{ hosts = ["vendor.example"], fields = ["type", "event", "messageId"] }}
"#
    )
}

pub fn track(id: &str) -> Value {
    json!({"type": "track", "event": "Ordered", "userId": "u", "messageId": id, "timestamp": "2026-11-21T10:00:00Z"})
}

/// The events that a vendor has accepted, in that order.
pub fn ids(vendor: &Receiver) -> Vec<String> {
    let id = |body: Value| body["messageId"].as_str().expect("an id").to_owned();
    vendor.accepted().iter().map(|received| id(received.json())).collect()
}
