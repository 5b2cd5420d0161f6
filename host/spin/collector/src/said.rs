//! What the collector says on its standard output, which Spin keeps as its log: outcomes, and what is wrong, a line of JSON each.
//! Nothing of an event stands there but its `messageId`.

use jiff::Timestamp;
use serde::Serialize;
use tagyard_pipeline::outcome::{Cause, Outcome};

/// How an event ended for a tag.
#[derive(Debug, Serialize)]
pub(crate) struct Said<'s> {
    at: Timestamp,
    tag: &'s str,
    message_id: &'s str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'s str>,
    attempts: u32,
    /// Whether it had an outcome before and a person had it run again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    again: bool,
}

/// Whose words a reason is. A guest's may hold anything of an event: a dead letter has them, a log has other readers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Words {
    Ours,
    Guests,
}

pub(crate) fn outcome(tag: &str, message_id: &str, outcome: &Outcome, words: Words, attempts: u32, again: bool) {
    let cause = match outcome {
        Outcome::DeadLetter { cause, .. } => Some(*cause),
        _ => None,
    };
    let reason = outcome.reason().filter(|_| words == Words::Ours);
    let said = Said { at: Timestamp::now(), tag, message_id, outcome: outcome.name(), cause, reason, attempts, again };
    line(&said);
}

/// Something that an operator has to know of.
pub(crate) fn problem(problem: &str) {
    #[derive(Serialize)]
    struct Problem<'p> {
        at: Timestamp,
        problem: &'p str,
    }
    line(&Problem { at: Timestamp::now(), problem });
}

fn line(said: &impl Serialize) {
    // Nothing in it is a map with other keys than strings, so it is always JSON.
    println!("{}", serde_json::to_string(said).unwrap_or_default());
}
