//! Deliveries of four tags to a vendor on loopback that answers at once.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tagyard_tests::client::Client;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;

use crate::Row;
use crate::clock::{micros, process_cpu, thread_cpu};
use crate::event::order;
use crate::server::{FOUR_TAGS, Hosted, runtime, vendor};

const EVENTS: usize = 6_000;
const BATCH: usize = 100;
const TAGS: usize = 4;

pub(crate) fn measure() -> Vec<Row> {
    // The vendor and the client have a thread of their own, whose CPU time is not the host's.
    let (ready, vendor_address) = std::sync::mpsc::channel();
    let (start, started) = oneshot::channel();
    let (done, ended) = oneshot::channel::<()>();
    let outside = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (server, had) = vendor().await;
            ready.send(server.address()).expect("the host waits");
            let client = Client::new(started.await.expect("a host"));
            for batch in batches() {
                let answer = client.post("/v1/batch", &batch).await;
                assert!(answer.status.is_success(), "{}", answer.text());
            }
            ended.await.expect("an end");
            (had.load(Ordering::Relaxed), thread_cpu())
        })
    });
    let runtime = runtime();
    let vendor = vendor_address.recv().expect("a vendor");
    let hosted = runtime.block_on(Hosted::start(FOUR_TAGS, vendor));
    let mut outcomes = hosted.host.watch();
    let (before, begun) = (process_cpu(), Instant::now());
    start.send(hosted.host.address()).expect("a client");
    let delivered = runtime.block_on(async {
        let (mut seen, mut delivered) = (0, 0);
        while seen < EVENTS * TAGS {
            let next =
                tokio::time::timeout(Duration::from_secs(60), outcomes.recv()).await.expect("outcomes keep coming");
            match next {
                Ok(recorded) => {
                    seen += 1;
                    delivered += usize::from(recorded.outcome == tagyard_pipeline::outcome::Outcome::Delivered);
                }
                Err(RecvError::Lagged(missed)) => seen += usize::try_from(missed).unwrap_or_default(),
                Err(RecvError::Closed) => panic!("the host ended"),
            }
        }
        delivered
    });
    let (elapsed, used) = (begun.elapsed(), process_cpu() - before);
    done.send(()).expect("the outside waits");
    let (requests, own) = outside.join().expect("the outside ran");
    runtime.block_on(hosted.host.stop());
    let pairs = EVENTS * TAGS;
    let rate = pairs as f64 / elapsed.as_secs_f64();
    let cpu = micros(used.saturating_sub(own)) / pairs as f64;
    vec![
        Row::new(
            "deliveries/s (an event to a tag's vendor) of four tags on loopback",
            "",
            format!("{rate:.0}/s ({delivered} deliveries in {requests} requests)"),
        ),
        Row::new("CPU time an event and tag, from the socket to the vendor's answer", "", format!("{cpu:.0} µs")),
    ]
}

/// Orders of as many visitors, so that no event waits for another's delivery.
fn batches() -> Vec<Value> {
    let event = Value::Object(order().0);
    let one = |number: usize| {
        let mut event = event.clone();
        event["messageId"] = json!(format!("order-{number}"));
        event["userId"] = json!(format!("u-{number}"));
        event["timestamp"] = Value::Null;
        event
    };
    let batch = |first: usize| json!({"writeKey": "key", "batch": (first..first + BATCH).map(one).collect::<Vec<_>>()});
    (0..EVENTS).step_by(BATCH).map(batch).collect()
}
