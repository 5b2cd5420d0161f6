//! Nothing of one call is readable in the next, though its memory is.

use tagyard::registry;
use tagyard::sandbox::{CallError, Loaded, Sandbox};
use tagyard_pipeline::container::model::Limits;
use tagyard_pipeline::path::Fields;
use tagyard_pipeline::redact::Redacted;
use tagyard_tests::guests;

use crate::{data, event};

#[test]
fn an_instance_finds_nothing_of_those_before_it() {
    let data = data();
    let sandbox = Sandbox::start(Some(data.path().join("compiled"))).expect("a sandbox");
    let looks = load(&sandbox, "look for marks and leave some", 5_000);
    // One that ends in the middle leaves its memory as it was.
    let traps = load(&sandbox, "leave marks and trap", 5_000);
    for round in 0..40 {
        assert_eq!(found(&looks), "0", "round {round}");
        assert!(matches!(call(&traps), Err(CallError::Trap(_))));
    }
}

/// The guest that does this.
pub(crate) fn load(sandbox: &Sandbox, deed: &str, deadline_ms: u32) -> Loaded {
    let component = registry::resolve("./guest_misbehaving.wasm", guests::folder()).expect("a tag");
    let settings = serde_json::json!({"do": deed, "url": "https://vendor.example/in"}).to_string();
    let limits = Limits { deadline_ms, ..Limits::default() };
    sandbox.load(&component.bytes, &component.sha256, &settings, &limits).expect("loads")
}

/// What the guest found, in words of memory.
pub(crate) fn found(tag: &Loaded) -> String {
    call(tag).expect("it returns")[0].clone()
}

pub(crate) fn call(tag: &Loaded) -> Result<Vec<String>, CallError> {
    let event = event("m-1");
    let fields = Fields::parse(["type"]).expect("fields");
    let redacted = Redacted::new(event.as_object().expect("an object"), &fields);
    let output = tag.call_here(vec![redacted])?;
    let headers = output.requests.into_iter().flat_map(|request| request.headers);
    Ok(headers.filter(|(name, _)| name == "x-found").map(|(_, value)| value).collect())
}

#[test]
fn the_guest_does_find_marks() {
    let data = data();
    let sandbox = Sandbox::start(Some(data.path().join("compiled"))).expect("a sandbox");
    let tag = load(&sandbox, "look for marks and leave some", 5_000);
    let event = event("m-1");
    let fields = Fields::parse(["type"]).expect("fields");
    let twice = [(); 2].map(|()| Redacted::new(event.as_object().expect("an object"), &fields));
    let output = tag.call_here(twice.into()).expect("it returns");
    // Two events of one call share an instance: the second finds what the first has left.
    let found: Vec<bool> = output.requests.iter().map(|request| request.headers[0].1 != "0").collect();
    assert_eq!(found, [false, true]);
}
