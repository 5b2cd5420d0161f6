//! Which dead letters a command is about.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tagyard_pipeline::outcome::Cause;

use crate::admin::Filter;
use crate::dead_letters::{DeadLetter, DeadLetters};
use crate::journal::{Ranges, ReadError};

/// How many letters are dealt with at once: one write of the cursors and one of what is settled for so many.
const ROUND: usize = 4_096;

/// Which letters. What is absent matches all; settled ones are never among them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Selection {
    /// Only these, if there are any.
    pub numbers: Vec<u64>,
    pub tag: Option<String>,
    pub cause: Option<Cause>,
    /// A part of the reason.
    #[serde(default)]
    pub reason: Option<String>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// What of a letter says how to run its event again.
pub(super) struct Chosen {
    pub(super) number: u64,
    pub(super) tag: Option<String>,
    pub(super) position: Option<u64>,
}

/// The chosen letters, a round at a time.
pub(super) struct Choice<'l> {
    letters: &'l DeadLetters,
    filter: Filter,
    settled: Ranges,
    numbers: Option<VecDeque<u64>>,
    from: u64,
    /// A letter that dies while the command works is not for this command, or it might never end.
    last: u64,
    /// Of the numbers that were asked for: those of no letter, and those of letters that were settled before.
    pub(super) unknown: Vec<u64>,
    pub(super) settled_before: Vec<u64>,
}

impl<'l> Choice<'l> {
    pub(super) async fn new(letters: &'l DeadLetters, selection: Selection) -> Result<Self, ReadError> {
        let Selection { mut numbers, tag, cause, reason, since, until } = selection;
        numbers.sort_unstable();
        numbers.dedup();
        Ok(Choice {
            letters,
            filter: Filter { tag, cause, reason, since, until, ..Filter::default() },
            settled: letters.settled().await?,
            numbers: (!numbers.is_empty()).then(|| numbers.into()),
            from: 1,
            last: letters.last(),
            unknown: Vec::new(),
            settled_before: Vec::new(),
        })
    }

    /// The next letters; empty at the end.
    pub(super) async fn round(&mut self) -> Result<Vec<Chosen>, ReadError> {
        let mut round = Vec::new();
        while round.len() < ROUND {
            let read = match self.numbers.is_some() {
                true => self.read_number().await?,
                false => self.letters.read_from(self.from).await?,
            };
            let Some((last, _)) = read.last() else { break };
            self.from = last + 1;
            round.extend(read.into_iter().filter_map(|(number, letter)| self.chosen(number, letter)));
        }
        Ok(round)
    }

    /// The next letter that was asked for by number, alone.
    async fn read_number(&mut self) -> Result<Vec<(u64, DeadLetter)>, ReadError> {
        while let Some(number) = self.numbers.as_mut().and_then(VecDeque::pop_front) {
            if self.settled.contains(number) {
                self.settled_before.push(number);
                continue;
            }
            match self.letters.get(number).await? {
                Some(letter) => return Ok(vec![(number, letter)]),
                None => self.unknown.push(number),
            }
        }
        Ok(Vec::new())
    }

    fn chosen(&self, number: u64, letter: DeadLetter) -> Option<Chosen> {
        let taken = number <= self.last && !self.settled.contains(number) && self.filter.takes(number, &letter);
        taken.then_some(Chosen { number, tag: letter.tag, position: letter.position })
    }
}
