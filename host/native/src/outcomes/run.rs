//! Outcomes as they lie in the log. Most events trigger few tags: events in a row for which a tag did not run, and for one reason, are
//! one record together.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tagyard_pipeline::outcome::Outcome;

use super::Recorded;

/// A record of the log.
#[derive(Debug, Serialize)]
pub(super) struct Run<'r> {
    #[serde(flatten)]
    pub(super) first: &'r Recorded,
    /// The `messageId`s of the events after it that ended alike.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    more: Vec<&'r str>,
}

/// How long after the first of a record's events the last may have ended. They can be apart where the disk took nothing for a while.
const ALIKE: SignedDuration = SignedDuration::from_secs(1);

/// The outcomes as records.
pub(super) fn runs<'r>(recorded: impl Iterator<Item = &'r Recorded>) -> Vec<Run<'r>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    // By tag: several take turns.
    let mut open: HashMap<&str, usize> = HashMap::new();
    for recorded in recorded {
        let known = open.get(recorded.tag.as_str()).copied();
        match known.filter(|place| runs[*place].goes_on_with(recorded)) {
            Some(place) => runs[place].more.push(&recorded.message_id),
            None => {
                runs.push(Run { first: recorded, more: Vec::new() });
                open.insert(&recorded.tag, runs.len() - 1);
            }
        }
    }
    runs
}

impl Run<'_> {
    /// How many events ended in it.
    pub(super) fn events(&self) -> u64 {
        1 + self.more.len() as u64
    }

    /// The first and the last event's position.
    pub(super) fn positions(&self) -> (u64, u64) {
        (self.first.position, self.first.position + self.more.len() as u64)
    }

    fn goes_on_with(&self, next: &Recorded) -> bool {
        matches!(next.outcome, Outcome::NotTriggered { .. })
            && next.outcome == self.first.outcome
            && next.position == self.first.position + self.events()
            && !next.again
            && !self.first.again
            // Who looks for an event's outcomes begins at the time of the event.
            && next.at.duration_since(self.first.at) < ALIKE
    }
}

/// A record of the log, read.
#[derive(Debug, Deserialize)]
pub(crate) struct ReadRun {
    at: Timestamp,
    tag: String,
    position: u64,
    message_id: String,
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(default)]
    attempts: u32,
    #[serde(default)]
    again: bool,
    #[serde(default)]
    more: Vec<String>,
}

impl ReadRun {
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// The first and the last event's position.
    pub(crate) fn positions(&self) -> (u64, u64) {
        (self.position, self.position.saturating_add(self.more.len() as u64))
    }

    /// The outcome of each event.
    pub(crate) fn each(self) -> impl Iterator<Item = Recorded> {
        let ReadRun { at, tag, position, message_id, outcome, attempts, again, more } = self;
        let ids = std::iter::once(message_id).chain(more);
        (position..).zip(ids).map(move |(position, message_id)| Recorded {
            at,
            tag: tag.clone(),
            position,
            message_id,
            outcome: outcome.clone(),
            attempts,
            again,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ended(tag: &str, position: u64, outcome: Outcome) -> Recorded {
        let (at, message_id) = (Timestamp::UNIX_EPOCH, format!("m-{position}"));
        Recorded { at, tag: tag.to_owned(), position, message_id, outcome, attempts: 0, again: false }
    }

    fn because(reason: &str) -> Outcome {
        Outcome::NotTriggered { reason: reason.to_owned() }
    }

    /// In how many events each record is, and that all of it is read as it was.
    fn check(recorded: &[Recorded], expected: &[usize]) {
        let runs = runs(recorded.iter());
        let read: Vec<ReadRun> =
            runs.iter().map(|run| serde_json::from_str(&serde_json::to_string(run).unwrap()).unwrap()).collect();
        let lengths: Vec<usize> = read.iter().map(|run| (run.positions().1 - run.positions().0) as usize + 1).collect();
        assert_eq!(lengths, expected);
        assert!(runs.iter().zip(&read).all(|(run, read)| run.positions() == read.positions()));
        let mut back: Vec<Recorded> = read.into_iter().flat_map(ReadRun::each).collect();
        let mut given = recorded.to_vec();
        let order = |recorded: &Recorded| (recorded.tag.clone(), recorded.position, recorded.at);
        back.sort_by_key(order);
        given.sort_by_key(order);
        assert_eq!(back, given);
    }

    #[test]
    fn events_in_a_row_that_did_not_trigger_for_one_reason_are_one_record() {
        let on = || because("on");
        check(&[ended("a", 1, on()), ended("a", 2, on()), ended("a", 3, on())], &[3]);
        check(&[ended("a", 1, on()), ended("b", 1, on()), ended("a", 2, on()), ended("b", 2, on())], &[2, 2]);
        check(&[ended("a", 1, on()), ended("a", 3, on()), ended("a", 4, on())], &[1, 2]);
        check(&[ended("a", 1, on()), ended("a", 2, because("when")), ended("a", 3, on())], &[1, 1, 1]);
    }

    #[test]
    fn what_ended_much_later_has_a_record_of_its_own() {
        let later = Recorded { at: Timestamp::UNIX_EPOCH + ALIKE, ..ended("a", 2, because("on")) };
        check(&[ended("a", 1, because("on")), later], &[1, 1]);
    }

    #[test]
    fn what_ran_has_a_record_of_its_own() {
        check(&[ended("a", 1, Outcome::Delivered), ended("a", 2, Outcome::Delivered)], &[1, 1]);
        let again = Recorded { again: true, ..ended("a", 2, because("on")) };
        check(&[ended("a", 1, because("on")), again.clone(), ended("a", 3, because("on"))], &[1, 1, 1]);
        check(&[again, ended("a", 3, because("on"))], &[1, 1]);
    }
}
