//! The conformance table: the same requests through the native host and through the Spin components, for each container of
//! tests/parity and of examples. Answers, outcomes, dead letters and what the vendors get have to be equal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tagyard_spin_tests::client::{Answer, Client};
use tagyard_spin_tests::native::Native;
use tagyard_spin_tests::receiver::{Received, Receiver};
use tagyard_spin_tests::spin::{Runtime, Spin, runtimes};
use tagyard_spin_tests::top;

/// What SDKs were recorded with.
const FIXTURES: &str = "host/pipeline/src/sources/fixtures";

/// One request of the table.
#[derive(Clone, Debug, Deserialize)]
struct Sent {
    name: String,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    #[serde(deserialize_with = "bytes")]
    body: Vec<u8>,
    /// How many events of it are accepted.
    events: usize,
}

#[tokio::test]
async fn all_bundled_tags() {
    check("tests/parity/vendors.toml", table()).await;
}

#[tokio::test]
async fn the_examples_of_conditions_and_of_privacy() {
    check("examples/conditions.toml", table()).await;
    check("examples/private.toml", table()).await;
}

#[tokio::test]
async fn visitors_are_known_again() {
    check("tests/parity/visitors.toml", table()).await;
}

#[tokio::test]
async fn what_sdks_send() {
    let folder = std::fs::read_dir(top().join(FIXTURES)).expect("the fixtures");
    let fixtures: Vec<PathBuf> = folder.map(|entry| entry.expect("a fixture").path()).collect();
    assert!(fixtures.len() > 10, "{fixtures:?}");
    for fixture in &fixtures {
        check("tests/parity/sources.toml", recorded(fixture)).await;
    }
}

/// Sends the requests one after the other to both hosts, and compares what comes of each.
async fn check(container: &str, requests: Vec<Sent>) {
    let text = std::fs::read_to_string(top().join(container)).expect("a container");
    let tags = toml::from_str::<toml::Table>(&text).expect("TOML")["tag"].as_array().expect("tags").len();
    for runtime in runtimes() {
        let mut pair = Pair::start(&runtime, &text, tags).await;
        for request in &requests {
            pair.compare(&format!("{container}: {}", request.name), request).await;
        }
        pair.compare_dead(container).await;
    }
}

struct Pair {
    native: Native,
    spin: Spin,
    /// The vendors of each.
    vendors: [Receiver; 2],
    tags: usize,
    events: usize,
    _folders: [tempfile::TempDir; 2],
}

impl Pair {
    async fn start(runtime: &Runtime, container: &str, tags: usize) -> Self {
        let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        let vendors = [Receiver::start().await, Receiver::start().await];
        let native = Native::start(folders[0].path(), container, &vendors[0].url()).await;
        let spin = Spin::start(runtime, folders[1].path(), container, &vendors[1].url()).await;
        Pair { native, spin, vendors, tags, events: 0, _folders: folders }
    }

    async fn compare(&mut self, name: &str, request: &Sent) {
        let before = self.vendors.each_ref().map(|vendor| vendor.received().len());
        let (outcomes_before, answers) = (self.events * self.tags, [&self.native.served.client, &self.spin.client]);
        let answers = [send(answers[0], request).await, send(answers[1], request).await];
        let shown = answers.each_ref().map(|answer| masked(&shown(answer).to_string()));
        assert_eq!(shown[0], shown[1], "{name}: the answers of the native host and of Spin");
        self.events += request.events;
        let count = self.events * self.tags;
        let native = self.native.outcomes(count).await[outcomes_before..].iter().map(outcome).collect();
        let spin = self.spin.outcomes(count).await[outcomes_before..].iter().map(|said| outcome(&said.line)).collect();
        assert_eq!(sorted(native), sorted(spin), "{name}: the outcomes on the native host and on Spin");
        let sent = [0, 1].map(|host: usize| {
            sorted(self.vendors[host].received()[before[host]..].iter().map(|request| masked(&text(request))).collect())
        });
        assert_eq!(sent[0], sent[1], "{name}: what the vendors got from the native host and from Spin");
    }

    async fn compare_dead(&self, name: &str) {
        let letters = |letters: Vec<Value>| {
            let letter = |mut letter: Value| {
                for unlike in ["at", "position", "number", "key"] {
                    letter.as_object_mut().expect("a letter").remove(unlike);
                }
                masked(&letter.to_string())
            };
            sorted(letters.into_iter().map(letter).collect())
        };
        let (native, spin) = (letters(self.native.dead().await), letters(self.spin.dead().await));
        assert_eq!(native, spin, "{name}: the dead letters of the native host and of Spin");
    }
}

async fn send(client: &Client, request: &Sent) -> Answer {
    let headers: Vec<(&str, &str)> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let body = if request.body == b"LONG" { vec![b'x'; 600_000] } else { request.body.clone() };
    client.send(&request.method, &request.path, &headers, body).await
}

/// An answer, but for what the server adds, and for the body of plain success, which Spin leaves out.
fn shown(answer: &Answer) -> Value {
    let is_success = answer.body == br#"{"success":true}"# || (answer.status == 200 && answer.body.is_empty());
    let unlike = ["date", "content-length", "transfer-encoding", "connection"];
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| !(unlike.contains(&name.as_str()) || is_success && name.as_str() == "content-type"));
    let headers: BTreeMap<&str, &str> =
        headers.map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect();
    let body = if is_success { String::new() } else { answer.text() };
    json!({"status": answer.status.as_u16(), "headers": headers, "body": body})
}

/// An outcome, but for its time; a guest's own words are not in Spin's log.
fn outcome(line: &Value) -> String {
    let kept = ["tag", "message_id", "outcome", "cause", "attempts"].map(|key| line[key].to_string()).join(" ");
    let is_ours = matches!(line["outcome"].as_str(), Some("not_triggered" | "blocked_by_consent" | "delivered"));
    masked(&if is_ours { format!("{kept} {}", line["reason"]) } else { kept })
}

/// A request as a vendor got it. Spin says in `forwarded` whom a diverted request was for, the native host in `host`.
fn text(request: &Received) -> String {
    let forwarded = request.headers.get("forwarded").and_then(|value| value.to_str().ok());
    let host = forwarded.and_then(|value| value.strip_prefix("host=")).map_or(request.host.as_str(), |host| host);
    let headers = request.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "host" | "forwarded"));
    let headers = headers.map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")));
    let headers = sorted(headers.collect()).join("\n");
    let body = String::from_utf8_lossy(&request.body);
    format!("{} {} {}\n{headers}\n\n{body}", request.method, host.trim_matches('"'), request.path)
}

/// Ids that were made up, and times at which something was received, differ from run to run.
fn masked(text: &str) -> String {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || "-:.".contains(c);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len()));
        out.push_str(&match word {
            word if is_uuid(word) => "(id)".to_owned(),
            word if is_now(word) => "(time)".to_owned(),
            // As in the cookie of a session.
            word => {
                word.split('.').map(|part| if is_now(part) { "(time)" } else { part }).collect::<Vec<_>>().join(".")
            }
        });
        let between = after.find(is_of_word).unwrap_or(after.len());
        out.push_str(&after[..between]);
        rest = &after[between..];
    }
    out
}

fn is_uuid(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    let is_hex = |part: &&str| part.chars().all(|c| c.is_ascii_hexdigit());
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(is_hex)
}

/// Whether it is a time of the last hour: as RFC 3339 has it, or in seconds, milliseconds or microseconds.
fn is_now(word: &str) -> bool {
    let number = || word.parse::<i64>().ok();
    let seconds = match word.len() {
        10 => number(),
        13 => number().map(|millis| millis / 1_000),
        16 => number().map(|micros| micros / 1_000_000),
        _ => word.parse::<Timestamp>().ok().map(Timestamp::as_second),
    };
    seconds.is_some_and(|seconds| (Timestamp::now().as_second() - seconds).abs() < 3_600)
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

/// The requests of tests/parity.
fn table() -> Vec<Sent> {
    let text = std::fs::read(top().join("tests/parity/requests.json")).expect("the table");
    serde_json::from_slice(&text).expect("JSON")
}

fn bytes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    String::deserialize(deserializer).map(String::into_bytes)
}

/// What an SDK was recorded with: a fixture of the pipeline's sources.
fn recorded(fixture: &Path) -> Vec<Sent> {
    let json: Value = serde_json::from_slice(&std::fs::read(fixture).expect("a fixture")).expect("JSON");
    let exchanges = json["exchanges"].as_array().expect("exchanges");
    // What an SDK sends once more is accepted, and is no event.
    let mut seen = BTreeSet::new();
    let mut new = |exchange: &Value| {
        let events = exchange["events"].as_array().into_iter().flatten();
        events.filter(|event| event["messageId"].as_str().is_none_or(|id| seen.insert(id.to_owned()))).count()
    };
    let mut sent = |exchange: &Value| {
        let request = &exchange["request"];
        let text = |key: &str| request[key].as_str().unwrap_or_default().to_owned();
        let pairs = request["headers"].as_array().expect("headers").iter();
        let query = request["query"].as_str().map_or(String::new(), |query| format!("?{query}"));
        Sent {
            name: format!("{} {}", fixture.display(), text("path")),
            method: text("method"),
            path: text("path") + &query,
            headers: pairs.map(|pair| (as_text(&pair[0]), as_text(&pair[1]))).collect(),
            body: match request["body_base64"].as_str() {
                Some(encoded) => BASE64_STANDARD.decode(encoded).expect("base64"),
                None => text("body").into_bytes(),
            },
            events: new(exchange),
        }
    };
    exchanges.iter().map(&mut sent).collect()
}

fn as_text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
