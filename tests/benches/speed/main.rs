//! What Tagyard costs, as ratios from one run: `cargo build --release && cargo bench -p tagyard-tests --bench speed`.
//!
//! It prints the table that BENCHMARKS.md keeps. Nothing here asserts a time: machines differ, and a busy one must not fail a build.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on says why and ends"
)]

mod call;
mod clock;
mod collect;
mod deliver;
mod event;
mod load;
mod process;
mod server;

/// One line of the table.
pub(crate) struct Row {
    what: &'static str,
    goal: &'static str,
    measured: String,
}

impl Row {
    pub(crate) fn new(what: &'static str, goal: &'static str, measured: impl Into<String>) -> Self {
        Row { what, goal, measured: measured.into() }
    }
}

fn main() {
    // `cargo test --benches` runs it too, to see that it works; the numbers take `cargo bench`.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("| what | goal | measured |\n|---|---|---|");
    for part in [call::measure, collect::measure, deliver::measure, process::measure] {
        for row in part() {
            println!("| {} | {} | {} |", row.what, row.goal, row.measured);
        }
    }
}
