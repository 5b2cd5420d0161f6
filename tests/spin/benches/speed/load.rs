//! The load: connections that are kept, each with one request at a time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tagyard_spin_tests::top;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// As many as two instances of the collector serve at once.
pub(crate) const CONNECTIONS: u64 = 32;

/// How long requests are sent.
pub(crate) const ROUND: Duration = Duration::from_secs(2);

/// Stands in the request for its own number.
const ID: &str = "0123456789abcdef";

/// What one round came to.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) accepted_per_second: f64,
    /// Counted from the first request to the last delivery.
    pub(crate) delivered_per_second: f64,
    /// From the request to its answer, in order of length.
    pub(crate) latencies: Vec<Duration>,
}

impl Round {
    /// The latency that this share of the requests stayed below.
    pub(crate) fn latency(&self, share: f64) -> Duration {
        self.latencies[(self.latencies.len() as f64 * share) as usize]
    }
}

/// Sends orders, each of a visitor of its own, and expects every one to be answered with 200; how long each took.
pub(crate) async fn send(address: SocketAddr, round: u64) -> Vec<Duration> {
    let end = Instant::now() + ROUND;
    let mut connections = JoinSet::new();
    for connection in 0..CONNECTIONS {
        connections.spawn(send_until(end, address, round * CONNECTIONS + connection));
    }
    let mut latencies = connections.join_all().await.concat();
    latencies.sort_unstable();
    latencies
}

async fn send_until(end: Instant, address: SocketAddr, number: u64) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let (mut request, ids) = request();
    let mut answer = Vec::with_capacity(1024);
    let mut latencies = Vec::with_capacity(4096);
    loop {
        let begun = Instant::now();
        if begun >= end {
            return latencies;
        }
        let id = format!("{number:06x}{:010}", latencies.len());
        ids.iter().for_each(|at| request[*at..at + ID.len()].copy_from_slice(id.as_bytes()));
        stream.write_all(&request).await.expect("the request is taken");
        answer.clear();
        while !is_whole(&answer) {
            assert!(stream.read_buf(&mut answer).await.expect("an answer") > 0, "the server hung up");
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        latencies.push(begun.elapsed());
    }
}

/// The order of the ga4 tag's examples, and where in the request its number stands.
fn request() -> (Vec<u8>, Vec<usize>) {
    let text = std::fs::read(top().join("guest-tags/ga4/examples/order-completed.json")).expect("the example");
    let mut event = serde_json::from_slice::<Value>(&text).expect("JSON")["event"].take();
    event["messageId"] = json!(ID);
    event["anonymousId"] = json!(format!("visitor-{ID}"));
    event["writeKey"] = json!("key");
    let object = event.as_object_mut().expect("an event");
    object.remove("timestamp");
    object.remove("userId");
    if let Some(context) = object.get_mut("context").and_then(Value::as_object_mut) {
        // Else it would be one visitor to Google, whose events go together.
        context.remove("ga");
    }
    let body = event.to_string();
    let head = format!(
        "POST /v1/track HTTP/1.1\r\nhost: collect.shop.example\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let text = head + &body;
    let ids = text.match_indices(ID).map(|(at, _)| at).collect();
    (text.into_bytes(), ids)
}

/// Whether an answer has come with all of its body.
fn is_whole(answer: &[u8]) -> bool {
    const LENGTH: &str = "content-length: ";
    let text = String::from_utf8_lossy(answer).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix(LENGTH)?.parse().ok());
    body.len() >= length.unwrap_or(0)
}
