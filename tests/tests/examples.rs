//! Every tag's examples through its real component: an example is test and documentation in one.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use tagyard::registry;
use tagyard::sandbox::Sandbox;
use tagyard_pipeline::container::model::Limits;
use tagyard_pipeline::output::{Auth, Encoding, Note, Output, Request};
use tagyard_pipeline::path::Fields;
use tagyard_pipeline::redact::Redacted;
use tagyard_tests::top;

#[test]
fn every_example_holds() {
    // Each component is compiled once, and not for each of its examples.
    let cache = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::start(Some(cache.path().to_owned())).expect("a sandbox");
    let mut failures = Vec::new();
    let mut count = 0;
    for name in registry::bundled_names() {
        let examples = top().join("guest-tags").join(name).join("examples");
        let mut files: Vec<_> = fs::read_dir(&examples).expect("examples").map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 5, "{name} has too few examples");
        for file in files {
            count += 1;
            if let Some(difference) = check(&sandbox, name, &file) {
                failures.push(difference);
            }
        }
    }
    println!("{count} examples");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Runs one example; the difference, if there is one.
fn check(sandbox: &Sandbox, name: &str, file: &Path) -> Option<String> {
    let example: Map<String, Value> =
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    assert!(example["about"].is_string(), "{file:?} says what it is about");
    let component = registry::resolve(name, Path::new("")).expect("a bundled tag");
    let manifest = &component.manifest;
    let fields = Fields::parse(manifest.fields.iter().chain(&manifest.optional_fields)).expect("fields");
    let events = match &example["event"] {
        Value::Array(events) => events.clone(),
        event => vec![event.clone()],
    };
    let redacted = events.iter().map(|event| Redacted::new(event.as_object().expect("an event"), &fields)).collect();
    let settings = example["settings"].to_string();
    let tag = sandbox.load(&component.bytes, &component.sha256, &settings, &Limits::default()).expect("loads");
    let actual = match tag.call_here(redacted) {
        Ok(output) => shown(&output),
        Err(error) => json!({ "error": error.to_string() }),
    };
    let expected = normalised(&example["output"]);
    (actual != expected).then(|| format!("{}\nexpected {expected:#}\nactual {actual:#}", file.display()))
}

fn normalised(output: &Value) -> Value {
    let mut output = output.clone();
    for list in ["requests", "skipped", "rejected"] {
        output.as_object_mut().expect("an output").entry(list).or_insert(json!([]));
    }
    for request in output["requests"].as_array_mut().expect("requests") {
        let request = request.as_object_mut().expect("a request");
        request.entry("headers").or_insert(json!({}));
        request.entry("body").or_insert(json!(""));
        request.entry("auth").or_insert(Value::Null);
    }
    output
}

fn shown(output: &Output) -> Value {
    let notes = |notes: &[Note]| {
        notes.iter().map(|note| json!({"event": note.event, "reason": note.reason})).collect::<Value>()
    };
    json!({
        "requests": output.requests.iter().map(request).collect::<Value>(),
        "skipped": notes(&output.skipped),
        "rejected": notes(&output.rejected),
    })
}

fn request(request: &Request) -> Value {
    let headers: BTreeMap<_, _> = request.headers.iter().cloned().collect();
    let text = || Value::from(String::from_utf8_lossy(&request.body));
    json!({
        "method": request.method.as_str(),
        "url": request.url,
        "headers": headers,
        "body": serde_json::from_slice(&request.body).unwrap_or_else(|_| text()),
        "auth": request.auth.as_ref().map(auth),
        "events": request.events,
    })
}

fn auth(auth: &Auth) -> Value {
    match auth {
        Auth::Bearer { token } => json!({ "bearer": token }),
        Auth::Basic { user, password } => json!({ "basic": [user, password] }),
        Auth::HmacSha256 { key, header, prefix, encoding } => json!({ "hmac-sha256": {
            "secret": key,
            "header": header,
            "prefix": prefix,
            "encoding": match encoding { Encoding::Hex => "hex", Encoding::Base64 => "base64" },
        } }),
        Auth::AwsSigV4 { .. } => panic!("no bundled tag asks for it"),
    }
}
