//! Accepted events, answered after the fsync, against an empty handler on the same HTTP stack under the same load.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use crate::Row;
use crate::clock::{median, micros};
use crate::load::{self, Round};
use crate::server::{FOUR_TAGS, Hosted, empty, runtime, vendor};

const ROUNDS: u64 = 12;
const ROUND: Duration = Duration::from_millis(800);

/// A tag that waits for another event: what is measured is collecting alone.
const WAITING_TAG: &str = r#"
[[tag]]
name = "orders"
use = "webhook"
on = ["Order Cancelled"]
settings = { url = "https://orders.shop.example/hook" }
allow = { hosts = ["orders.shop.example"], fields = ["*"] }
"#;

pub(crate) fn measure() -> Vec<Row> {
    let runtime = runtime();
    let (vendor, _) = runtime.block_on(vendor());
    let empty = runtime.block_on(empty());
    let waiting = runtime.block_on(Hosted::start(WAITING_TAG, vendor.address()));
    let (mut nothing, mut collected, mut disk) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        nothing.push(load::run(empty.address(), ROUND, round));
        collected.push(load::run(waiting.host.address(), ROUND, round));
        disk.extend(syncs());
    }
    runtime.block_on(waiting.host.stop());

    let four = runtime.block_on(Hosted::start(FOUR_TAGS, vendor.address()));
    let (mut nothing_too, mut busy) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS / 3 {
        nothing_too.push(load::run(empty.address(), ROUND, round));
        busy.push(load::run(four.host.address(), ROUND, round));
    }
    runtime.block_on(async { tokio::join!(four.host.stop(), empty.stop(), vendor.stop()) });
    vec![
        Row::new(
            "accepted single events/s after the fsync, against an empty handler, 64 connections",
            "0.7, above 0.4",
            compare(&collected, &nothing),
        ),
        Row::new(
            "of that, what the disk takes to sync an append of 64 events, which no event's answer can undercut",
            "",
            format!("{:.1} ms", micros(median(disk)) / 1e3),
        ),
        Row::new(
            "accepted events/s against an empty handler, while four tags take every event and deliver",
            "",
            compare(&busy, &nothing_too),
        ),
    ]
}

/// A group of the journal's, as one write and its sync, on a file beside the journals.
fn syncs() -> Vec<Duration> {
    static GROUP: [u8; 64 * 1_600] = [b'x'; 64 * 1_600];
    let mut file: File = tempfile::tempfile().expect("a file");
    let mut one = || {
        let begun = Instant::now();
        file.write_all(&GROUP).and_then(|()| file.sync_data()).expect("a disk");
        begun.elapsed()
    };
    (0..10).map(|_| one()).collect()
}

fn compare(ours: &[Round], empty: &[Round]) -> String {
    let rate = |rounds: &[Round]| median(rounds.iter().map(|round| round.per_second).collect());
    let cpu = |rounds: &[Round]| micros(median(rounds.iter().map(|round| round.server_cpu).collect()));
    let ratio = median(ours.iter().zip(empty).map(|(ours, empty)| ours.per_second / empty.per_second).collect());
    format!(
        "{ratio:.2} ({:.0}/s and {:.0}/s; CPU of the server a request {:.0} µs and {:.0} µs)",
        rate(ours),
        rate(empty),
        cpu(ours),
        cpu(empty)
    )
}
