//! Following events that are run again until all of them have an outcome.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::admin::{AskError, ask};
use crate::outcomes::{Counts, Rerun};

/// How often the host is asked.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// How often a line is written where there is no terminal for a bar.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Follows the running host until nothing is left to run again for these tags, which were so far before, and prints how the events
/// ended. A host that stops meanwhile goes on with them at its next start; then this says so.
pub(super) async fn follow(data_dir: &Path, before: &BTreeMap<String, Rerun>) -> Result<(), AskError> {
    let mut display = Display::new();
    loop {
        let now: BTreeMap<String, Rerun> = match ask(data_dir, "/again").await {
            Ok(now) => now,
            Err(AskError::NotRunning) => {
                display.end();
                say!("the host has stopped; what is left is run when it starts again");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let tags = before.iter().filter_map(|(tag, before)| Some((before, now.get(tag)?)));
        let (mut left, mut ended) = (0, Counts::default());
        for (before, now) in tags {
            left += now.left;
            ended = ended.plus(now.ended.since(before.ended));
        }
        display.show(ended.total(), left);
        if left == 0 {
            display.end();
            say!("{}", words(ended));
            return Ok(());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// A bar on a terminal; a line now and then anywhere else.
enum Display {
    Bar(ProgressBar),
    Lines { next: Instant },
}

impl Display {
    fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Display::Lines { next: Instant::now() + LINE_EVERY };
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:40} {pos} of {len} events, {elapsed} (Ctrl-C leaves it to the host)")
        {
            bar.set_style(style);
        }
        Display::Bar(bar)
    }

    fn show(&mut self, done: u64, left: u64) {
        match self {
            Display::Bar(bar) => {
                bar.set_length(done + left);
                bar.set_position(done);
            }
            Display::Lines { next } if *next <= Instant::now() => {
                eprintln!("{done} of {} events have ended", done + left);
                *next = Instant::now() + LINE_EVERY;
            }
            Display::Lines { .. } => {}
        }
    }

    fn end(&self) {
        if let Display::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// As in `delivered 12, dead 1`.
fn words(counts: Counts) -> String {
    let Counts { delivered, skipped, blocked_by_consent, not_triggered, dead } = counts;
    let all = [
        ("delivered", delivered),
        ("skipped", skipped),
        ("blocked by consent", blocked_by_consent),
        ("not triggered", not_triggered),
        ("dead", dead),
    ];
    let words: Vec<String> =
        all.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    if words.is_empty() { "nothing was left to run".to_owned() } else { words.join(", ") }
}
