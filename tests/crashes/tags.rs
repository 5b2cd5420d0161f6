//! The container, and how each event has to end for each of its tags.

use serde_json::{Value, json};

const CONTAINER: &str = r#"
name = "crash"

[collect]
write_keys = ["key"]

# Batches of up to 200.
[[tag]]
name = "batching"
use = "mixpanel"
secrets.project_token = { env = "PROJECT" }
limits = { deadline_ms = 10_000 }

# A request for each event.
[[tag]]
name = "single"
use = "webhook"
settings = { url = "https://single.example/in" }
allow = { hosts = ["single.example"], fields = ["*"] }
limits = { deadline_ms = 10_000 }

# Runs for some events only.
[[tag]]
name = "some"
use = "webhook"
settings = { url = "https://some.example/in", body = "batch" }
on = ["Order Completed"]
when = "event.properties.total > 50.0"
allow = { hosts = ["some.example"], fields = ["*"] }
limits = { deadline_ms = 10_000 }

# Its vendor refuses every request that carries a certain event.
[[tag]]
name = "picky"
use = "webhook"
settings = { url = "https://picky.example/in", body = "batch" }
allow = { hosts = ["picky.example"], fields = ["*"] }
limits = { deadline_ms = 10_000 }
"#;

/// The container after so many changes, which keep its tags.
pub(crate) fn container(changes: u32) -> String {
    // The longest that is allowed is 10 s.
    CONTAINER.replace("10_000", &(10_000 - changes % 1_000).to_string())
}

/// The tags, in the order of the container.
pub(crate) const TAGS: [&str; 4] = ["batching", "single", "some", "picky"];

/// The tag whose vendor has this `Host`.
pub(crate) fn tag_of(host: &str) -> Option<usize> {
    ["api.mixpanel.com", "single.example", "some.example", "picky.example"].iter().position(|own| *own == host)
}

/// The event of a number. Everything about it follows from the number and the user.
pub(crate) fn event(number: u64, user: u32) -> Value {
    let name = if number.is_multiple_of(3) { "Order Completed" } else { "Product Viewed" };
    json!({
        "type": "track",
        "event": name,
        "messageId": id(number),
        "userId": format!("u{user}"),
        "properties": { "total": total(number), "refused": is_refused(number) },
    })
}

fn id(number: u64) -> String {
    format!("e{number}")
}

/// The number of a `messageId` that [`event`] made.
pub(crate) fn number_of(id: &str) -> Option<u64> {
    id.strip_prefix('e')?.parse().ok()
}

/// The events that a vendor's request carries; `None` for something else.
pub(crate) fn carried(tag: usize, body: &[u8]) -> Option<Vec<u64>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let ids: Vec<&Value> = match TAGS[tag] {
        "batching" => body.as_array()?.iter().map(|event| &event["properties"]["$insert_id"]).collect(),
        "single" => vec![&body["messageId"]],
        _ => body["batch"].as_array()?.iter().map(|event| &event["messageId"]).collect(),
    };
    ids.into_iter().map(|id| number_of(id.as_str()?)).collect()
}

/// Whether the picky vendor refuses a request that carries it.
pub(crate) fn is_refused(number: u64) -> bool {
    number % 89 == 7
}

/// Whether the picky vendor takes it once its letter is redriven, as one does whose form a person has put right.
pub(crate) fn is_taken_again(number: u64) -> bool {
    is_refused(number) && number.is_multiple_of(2)
}

/// The further outcome that the event has to have for the tag when it is redriven.
pub(crate) fn expected_again(number: u64) -> &'static str {
    if is_taken_again(number) { "delivered" } else { "dead_letter" }
}

/// The outcome that the event has to have for the tag.
pub(crate) fn expected(tag: usize, number: u64) -> &'static str {
    match TAGS[tag] {
        "some" if !number.is_multiple_of(3) || total(number) <= 50.0 => "not_triggered",
        "picky" if is_refused(number) => "dead_letter",
        _ => "delivered",
    }
}

fn total(number: u64) -> f64 {
    f64::from(u32::try_from(number % 100).unwrap_or_default()) + 0.5
}
