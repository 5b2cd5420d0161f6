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
mod down;
mod event;
mod load;
mod pipeline;
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

type Part = (&'static str, fn() -> Vec<Row>);

/// The parts, by the names that choose some of them: `cargo bench … -- call collect`.
const PARTS: [Part; 6] = [
    ("call", call::measure),
    ("collect", collect::measure),
    ("deliver", deliver::measure),
    ("down", down::measure),
    ("pipeline", pipeline::measure),
    ("process", process::measure),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this too, without saying so; numbers take an optimised build.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let chosen: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    println!("| what | goal | measured |\n|---|---|---|");
    for (_, measure) in PARTS.iter().filter(|(name, _)| chosen.is_empty() || chosen.iter().any(|chosen| chosen == name))
    {
        for row in measure() {
            println!("| {} | {} | {} |", row.what, row.goal, row.measured);
        }
    }
}
