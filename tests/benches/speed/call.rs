//! One event through the ga4 tag: in a fresh instance of its component, and the same Rust code called natively.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use tagyard::registry;
use tagyard::sandbox::Sandbox;
use tagyard_pipeline::container::model::Limits;
use tagyard_pipeline::path::Fields;
use tagyard_pipeline::redact::Redacted;

use crate::Row;
use crate::clock::{median, micros, thread_cpu};
use crate::event::order;

const ROUNDS: usize = 300;
const CALLS: u32 = 100;

pub(crate) fn measure() -> Vec<Row> {
    let (event, settings) = order();
    let component = registry::resolve("ga4", Path::new("")).expect("a bundled tag");
    let manifest = &component.manifest;
    let fields = Fields::parse(manifest.fields.iter().chain(&manifest.optional_fields)).expect("fields");
    let redacted = Redacted::new(&event, &fields);
    let sandbox = Sandbox::start(None).expect("a sandbox");
    let limits = Limits::default();
    let tag = sandbox.load(&component.bytes, &component.sha256, &settings, &limits).expect("ga4 loads");

    let (mut native, mut fresh, mut idle) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        native.push(timed(|| {
            let events = [redacted.as_str().to_owned()];
            let output = tagyard_tag::run::<tag_ga4::Ga4>(black_box(&events), black_box(&settings));
            assert_eq!(output.map(|output| output.requests.len()).ok(), Some(1));
        }));
        fresh.push(timed(|| {
            let output = tag.call_here(black_box(vec![redacted.clone()]));
            assert_eq!(output.map(|output| output.requests.len()), Ok(1));
        }));
        idle.push(timed(|| drop(black_box(tag.call_here(Vec::new())))));
    }
    let least = |times: &[Duration]| times.iter().copied().min().unwrap_or_default();
    let ratio = median(fresh.iter().zip(&native).map(|(fresh, native)| micros(*fresh) / micros(*native)).collect());
    let detail = format!(
        "{ratio:.2}x (median of {ROUNDS} rounds; least times {:.1} µs and {:.1} µs, {:.2}x)",
        micros(least(&fresh)),
        micros(least(&native)),
        micros(least(&fresh)) / micros(least(&native)),
    );
    vec![
        Row::new(
            "one event through ga4 in a fresh instance, against the same code native, CPU time",
            "2x, under 4x",
            detail,
        ),
        Row::new(
            "of that, a call without any event: instance, settings, reset; least time",
            "",
            format!("{:.1} µs", micros(least(&idle))),
        ),
    ]
}

/// The CPU time of one call, the mean of many.
fn timed(mut call: impl FnMut()) -> Duration {
    let before = thread_cpu();
    for _ in 0..CALLS {
        call();
    }
    (thread_cpu() - before) / CALLS
}
