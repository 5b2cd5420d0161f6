//! The load: connections that are kept, each with one request at a time, from one thread with as little work of its own as can be.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::clock::{process_cpu, thread_cpu};
use crate::event::order;

const CONNECTIONS: u64 = 64;

/// What one round of load came to.
#[derive(Clone)]
pub(crate) struct Round {
    pub(crate) per_second: f64,
    /// CPU time of the server for one request: that of the process but for the load's own thread.
    pub(crate) server_cpu: Duration,
    /// From the request to its answer, in order of length.
    latencies: Vec<Duration>,
}

impl Round {
    /// The latency that this share of the requests stayed below.
    pub(crate) fn latency(&self, share: f64) -> Duration {
        self.latencies[(self.latencies.len() as f64 * share) as usize]
    }
}

/// Sends orders for `time`, each with a `messageId` of its own, and expects every one to be answered with 200.
pub(crate) fn run(address: SocketAddr, time: Duration, round: u64) -> Round {
    run_at(address, time, round, Duration::ZERO)
}

/// The same at a pace: each connection begins a request no sooner than this after its last one.
pub(crate) fn run_at(address: SocketAddr, time: Duration, round: u64, pace: Duration) -> Round {
    let before = process_cpu();
    let load = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let begun = Instant::now();
        let latencies = runtime.block_on(async {
            let end = begun + time;
            let mut connections = JoinSet::new();
            for connection in 0..CONNECTIONS {
                connections.spawn(send_until(end, address, round * CONNECTIONS + connection, pace));
            }
            connections.join_all().await.concat()
        });
        (latencies, begun.elapsed(), thread_cpu())
    });
    let (mut latencies, elapsed, own) = load.join().expect("the load ran");
    let requests = u32::try_from(latencies.len()).expect("a round is short");
    let server_cpu = (process_cpu() - before).saturating_sub(own) / requests.max(1);
    latencies.sort_unstable();
    Round { per_second: f64::from(requests) / elapsed.as_secs_f64(), server_cpu, latencies }
}

async fn send_until(end: Instant, address: SocketAddr, number: u64, pace: Duration) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let (mut request, id_at) = request(number);
    let mut answer = Vec::with_capacity(1024);
    let mut latencies = Vec::with_capacity(4096);
    loop {
        let begun = Instant::now();
        if begun >= end {
            return latencies;
        }
        let sent = latencies.len();
        request[id_at..id_at + 16].copy_from_slice(format!("{:06x}{sent:010}", number).as_bytes());
        stream.write_all(&request).await.expect("the request is taken");
        answer.clear();
        while !is_whole(&answer) {
            assert!(stream.read_buf(&mut answer).await.expect("an answer") > 0, "the server hung up");
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        latencies.push(begun.elapsed());
        if !pace.is_zero() {
            tokio::time::sleep_until((begun + pace).into()).await;
        }
    }
}

/// A request, and where in it the sixteen bytes of its `messageId` are.
fn request(user: u64) -> (Vec<u8>, usize) {
    const ID: &str = "0123456789abcdef";
    let mut event = order().0;
    event.insert("messageId".to_owned(), json!(ID));
    event.insert("anonymousId".to_owned(), json!(format!("visitor-{user}")));
    event.insert("writeKey".to_owned(), json!("key"));
    event.remove("timestamp");
    event.remove("userId");
    let body = serde_json::Value::Object(event).to_string();
    let head = format!(
        "POST /v1/track HTTP/1.1\r\nhost: collect.shop.example\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let text = head + &body;
    let at = text.find(ID).expect("the id stands in it");
    (text.into_bytes(), at)
}

/// Whether an answer has come with all of its body.
fn is_whole(answer: &[u8]) -> bool {
    const LENGTH: &[u8] = b"content-length: ";
    let Some(head) = answer.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
    let length = answer[..head].windows(LENGTH.len()).position(|name| name == LENGTH);
    let digits = length.map_or(&[][..], |at| &answer[at + LENGTH.len()..head]);
    let length =
        digits.iter().take_while(|byte| byte.is_ascii_digit()).fold(0, |n, byte| n * 10 + usize::from(byte - b'0'));
    answer.len() >= head + 4 + length
}
