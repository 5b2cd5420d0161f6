//! How much memory guests that outgrow every bound cost the host. A process of its own, since the peak is the whole process'.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tagyard::limits::BATCH_LINGER;
use tagyard_pipeline::outcome::Outcome;
use tagyard_tests::guests;
use tagyard_tests::host::TestHost;
use tagyard_tests::receiver::Receiver;

/// The tests take turns, each having the peak to itself.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The most that a test may add to the peak: a guest's own memory (256 MiB where the container allows that), what is copied out
/// of it (32 MiB), and as much again for what allocators keep.
const MOST_MIB: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn results_beyond_all_bounds() {
    const DEEDS: [&str; 9] = [
        "take everything",
        "a body of 20 MiB",
        "a body as large as memory",
        "a body that claims a gigabyte",
        "a gigabyte in one place",
        "a million headers",
        "a million notes",
        "a million log lines",
        "a million requests",
    ];
    let _turn = TURN.lock().await;
    let receiver = Receiver::start().await;
    let mut data = tempfile::tempdir().expect("a folder");
    for (number, deed) in DEEDS.into_iter().enumerate() {
        let large = deed == "a million requests" || deed == "a million headers";
        let tags = tag(deed, if large { 256 } else { 64 });
        let mut host = TestHost::start_in(data, &tags, guests::folder(), &receiver).await;
        let before = peak_from_now();
        host.client.event(event(number)).await;
        host.outcomes(1).await;
        let grown = peak_mib() - before;
        println!("{deed}: {grown} MiB");
        assert!(grown < MOST_MIB, "{deed}: {grown} MiB");
        data = host.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_to_a_slow_vendor() {
    const EVENTS: usize = 50;
    let _turn = TURN.lock().await;
    let arrived = Arc::new(AtomicUsize::new(0));
    let url = slow_vendor(arrived.clone()).await;
    let data = tempfile::tempdir().expect("a folder");
    let tags = tag("a body of 10 MiB", 64);
    let mut host = TestHost::start_diverted(data, &tags, guests::folder(), Some(&url)).await;
    let before = peak_from_now();
    for number in 0..EVENTS {
        host.client.event(event(number)).await;
        // Each in a call of its own, rather than in batches, which would outgrow what one call may return.
        tokio::time::sleep(2 * BATCH_LINGER).await;
    }
    let outcomes = host.outcomes(EVENTS).await;
    assert!(outcomes.iter().all(|recorded| recorded.outcome == Outcome::Delivered), "{outcomes:#?}");
    assert_eq!(arrived.load(Ordering::Relaxed), EVENTS * (10 << 20));
    // Of the 500 MiB, the 128 that a tag may hold, once as the tag returned them and once on the wire, and the guests' own.
    let grown = peak_mib() - before;
    println!("{grown} MiB");
    assert!(grown < MOST_MIB, "{grown} MiB");
    host.stop().await;
}

fn tag(deed: &str, memory_mib: u32) -> String {
    format!(
        "[[tag]]\nname = \"tag\"\nuse = \"./guest_misbehaving.wasm\"\nsettings.do = \"{deed}\"\n\
         allow = {{ hosts = [\"vendor.example\"], fields = [\"type\"] }}\n\
         limits = {{ memory_mib = {memory_mib}, deadline_ms = 10_000 }}\n"
    )
}

fn event(number: usize) -> Value {
    json!({"type": "track", "event": "Order Completed", "messageId": format!("m-{number}"), "userId": format!("u-{number}")})
}

/// A vendor that takes its time, and keeps nothing. Returns its URL.
async fn slow_vendor(arrived: Arc<AtomicUsize>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let receive = move |request: Request| async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let mut body = request.into_body().into_data_stream();
        while let Some(Ok(data)) = body.next().await {
            arrived.fetch_add(data.len(), Ordering::Relaxed);
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(receive)).await });
    url
}

/// Forgets the peak so far, of the compiler and of other tests, where the system allows that; the peak.
fn peak_from_now() -> usize {
    let _ = fs::write("/proc/self/clear_refs", "5");
    peak_mib()
}

/// The most memory that this process has had.
fn peak_mib() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("the process' status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") / 1024
}
