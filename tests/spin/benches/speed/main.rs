//! What Spin costs beside the native host, in one run on one machine: `tests/spin/run bench`.
//!
//! It prints the table that BENCHMARKS.md keeps: on the real `spin` where there is one, else on its stand-in. What follows says for how many
//! tags, as `bench 1 10`. Nothing here asserts a time.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on says why and ends"
)]

mod hosts;
mod load;
mod vendor;

use std::time::Duration;

use hosts::Both;
use load::Round;

/// For how many tags.
const TAGS: [usize; 3] = [1, 4, 10];

/// Each host is measured so often, in turns.
const ROUNDS: u64 = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this too, without saying so.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let chosen: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let tags = if chosen.is_empty() { TAGS.to_vec() } else { chosen };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut is_first = true;
    for tags in tags {
        runtime.block_on(async {
            let mut both = Both::start(tags).await;
            if std::mem::take(&mut is_first) {
                println!("native host: {}", both.native_is);
                println!("Spin: {}\n", both.spin_is);
                println!("| tags | | native host | Spin | ratio |\n|---|---|---|---|---|");
            }
            // The first requests compile, connect and make instances.
            both.round(0).await;
            let mut rounds = Vec::new();
            for round in 0..ROUNDS {
                rounds.push(both.round(1 + round).await);
            }
            print(tags, &rounds);
        });
    }
}

/// The rows of one number of tags: medians, and the median of the rounds' ratios.
fn print(tags: usize, rounds: &[[Round; 2]]) {
    let row = |what: &str, unit: &str, of: &dyn Fn(&Round) -> f64| {
        let host = |host: usize| median(rounds.iter().map(|round| of(&round[host])).collect());
        let ratio = median(rounds.iter().map(|round| of(&round[1]) / of(&round[0])).collect());
        println!("| {tags} | {what} | {}{unit} | {}{unit} | {ratio:.2} |", shown(host(0)), shown(host(1)));
    };
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    row("accepted requests", "/s", &|round| round.accepted_per_second);
    row("time to the answer, p50", " ms", &|round| millis(round.latency(0.5)));
    row("the same, p99", " ms", &|round| millis(round.latency(0.99)));
    row("events delivered by every tag", "/s", &|round| round.delivered_per_second);
}

fn shown(number: f64) -> String {
    if number < 100.0 { format!("{number:.2}") } else { format!("{number:.0}") }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
