//! The trial that a tag has to pass before it goes where nobody interrupts it: its examples, and events that are made up, in an engine that
//! counts. The same component, settings and seed give the same result again, on any machine.

mod made_up;
mod value;

use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tagyard_pipeline::container::model::Limits;
use tagyard_pipeline::path::Fields;
use tagyard_pipeline::ran::{self, BATCH_BYTES};
use tagyard_pipeline::redact::Redacted;

use crate::registry::{Example, TagComponent};
use crate::sandbox::{CallError, Cost, LoadError, Measure, Measured};
use made_up::MadeUp;

/// How many calls with made-up events there are if nobody says otherwise.
pub const CALLS: u32 = 400;

/// After how long no further call with made-up events is begun. A tag that is slow within its limits is tried with fewer.
const TIME: Duration = Duration::from_secs(60);

/// The fewest calls with made-up events that say something of a tag. They are made however long they take, which its limits bound.
const FEWEST: u32 = 40;

/// How much of the events of a failed call is shown.
const SHOWN_BYTES: usize = 2_000;

/// What is tried, and how.
#[derive(Debug)]
pub struct Trial<'t> {
    pub component: &'t TagComponent,
    /// What it sees of an event.
    pub fields: &'t Fields,
    pub limits: &'t Limits,
    /// As JSON text; made-up events are tried with each in turn.
    pub settings: Vec<String>,
    pub examples: Vec<Example>,
    /// How many calls with made-up events.
    pub calls: u32,
    /// What they are made up from.
    pub seed: u64,
}

/// That a tag has passed. There is none but by [`check`], so whoever has one knows it of the very bytes.
#[derive(Debug)]
#[expect(clippy::manual_non_exhaustive, reason = "nothing else in this crate makes one either")]
pub struct Passed {
    pub examples: usize,
    /// Calls with made-up events.
    pub calls: u32,
    /// The most instructions of one call, and which.
    pub instructions: (u64, String),
    /// The most memory of one call in bytes, and which.
    pub memory: (usize, String),
    /// What a call may execute.
    pub most: u64,
    _by_check: (),
}

/// Why a tag has not passed.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("with {with}: {reason}")]
    Failed {
        with: String,
        reason: String,
        /// The events of that call as the tag saw them, cut short.
        events: String,
    },
}

/// Tries a tag.
///
/// # Errors
/// When it does not load, loops, traps, takes more memory than it may, returns what cannot be meant, or does not accept its settings.
pub fn check(trial: &Trial<'_>) -> Result<Passed, CheckError> {
    let begun = Instant::now();
    let measured = Measure::start()?.load(&trial.component.bytes, trial.limits)?;
    let mut passed = Passed {
        examples: trial.examples.len(),
        calls: 0,
        instructions: (0, String::new()),
        memory: (0, String::new()),
        most: measured.most(),
        _by_check: (),
    };
    for example in &trial.examples {
        passed.take(trial, &measured, &example.events, &example.settings, format!("the example {}", example.name))?;
    }
    let mut made_up = MadeUp::new(trial);
    while passed.calls < trial.calls && (passed.calls < FEWEST || begun.elapsed() < TIME) {
        passed.calls += 1;
        let (events, settings) = made_up.call(trial, passed.calls);
        passed.take(
            trial,
            &measured,
            &events,
            &settings,
            format!("made-up call {} of seed {}", passed.calls, trial.seed),
        )?;
    }
    Ok(passed)
}

impl Passed {
    fn take(
        &mut self,
        trial: &Trial<'_>,
        measured: &Measured,
        events: &[Map<String, Value>],
        settings: &String,
        with: String,
    ) -> Result<(), CheckError> {
        let mut redacted: Vec<Redacted> = Vec::new();
        let mut bytes = 0;
        for event in events {
            let event = Redacted::new(event, trial.fields);
            bytes += event.len();
            // As the host cuts batches.
            if bytes > BATCH_BYTES && !redacted.is_empty() {
                break;
            }
            redacted.push(event);
        }
        let count = redacted.len();
        let shown = shown(&redacted);
        let (result, cost) = measured.call(redacted, settings);
        let refused = |reason: String| CheckError::Failed { with: with.clone(), reason, events: shown };
        match result {
            Ok(output) => ran::check(&output, count).map_err(|error| refused(error.to_string()))?,
            // An orderly answer: the event becomes a dead letter.
            Err(CallError::Internal(_)) => {}
            Err(CallError::Deadline(_)) => return Err(refused(too_long(measured, trial.limits, cost))),
            Err(error) => return Err(refused(error.to_string())),
        }
        if cost.instructions > self.instructions.0 {
            self.instructions = (cost.instructions, with.clone());
        }
        if cost.memory > self.memory.0 {
            self.memory = (cost.memory, with);
        }
        Ok(())
    }
}

fn too_long(measured: &Measured, limits: &Limits, cost: Cost) -> String {
    let most = measured.most() / 1_000_000;
    if cost.instructions < measured.most() {
        return format!(
            "it did not end in time, in what is not counted as instructions; {} ms are its deadline",
            limits.deadline_ms
        );
    }
    format!(
        "it did not end within {most} million instructions, which is what `limits.deadline_ms` = {} allows",
        limits.deadline_ms
    )
}

fn shown(events: &[Redacted]) -> String {
    let mut shown = String::new();
    for event in events {
        shown.push_str(event.as_str());
        shown.push('\n');
        if shown.len() > SHOWN_BYTES {
            shown.truncate(shown.floor_char_boundary(SHOWN_BYTES));
            shown.push('…');
            break;
        }
    }
    shown.trim_end().to_owned()
}
