//! What must hold, looked at in what the senders know, what the vendors took, and what lies in the data directory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;

use crate::load::Ledger;
use crate::log::Log;
use crate::tags::{TAGS, expected, expected_again, number_of};
use crate::vendors::Take;

/// Violations that are listed one by one; after a handful the rest says nothing new.
const LISTED: usize = 20;

/// The logs of one data directory, and what was read of them in this period.
pub(crate) struct Checker {
    journal: Log,
    outcomes: Log,
    letters: Log,
    /// For each tag, how its events ended.
    ended: [HashMap<u64, Ended>; TAGS.len()],
    /// For each tag's event that died, its newest letter.
    newest: HashMap<(usize, u64), u64>,
    /// For each life, how many events it left that a vendor had taken and that had no outcome yet.
    in_flight: Vec<u64>,
    violations: Vec<String>,
    /// Events below this were checked in an earlier period.
    first: u64,
}

/// How an event ended for a tag.
struct Ended {
    /// Its last outcome, and in which life of the host that was seen.
    outcome: String,
    life: u32,
    /// How often its letter was asked to be redriven, and how many further outcomes came.
    asked: u32,
    again: u32,
    /// The host has promised a further outcome that has not come.
    promised: bool,
}

/// A letter to be redriven.
#[derive(Clone, Copy)]
pub(crate) struct Chosen {
    pub(crate) letter: u64,
    pub(crate) tag: usize,
    pub(crate) number: u64,
}

/// What a period came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    /// Accepted without the sender having heard of it.
    pub(crate) unheard: u64,
    pub(crate) delivered: u64,
    pub(crate) not_triggered: u64,
    pub(crate) dead: u64,
    /// Further outcomes of events that were redriven.
    pub(crate) again: u64,
    /// Sent again by a later life of the host, and by the same one.
    pub(crate) after_kills: u64,
    pub(crate) after_lost_answers: u64,
    /// Left in flight by the kills, and the most by one.
    pub(crate) in_flight: u64,
    pub(crate) most_in_flight: u64,
    pub(crate) lost_answers: u64,
}

#[derive(Deserialize)]
struct Outcome {
    tag: String,
    message_id: String,
    outcome: String,
    #[serde(default)]
    again: bool,
    /// The ids of the events that follow it and ended alike.
    #[serde(default)]
    more: Vec<String>,
}

impl Checker {
    pub(crate) fn new(data: &Path) -> Self {
        let log = |name: &str| Log::new(data.join(name));
        Checker {
            journal: log("journal"),
            outcomes: log("outcomes"),
            letters: log("dead-letters"),
            ended: Default::default(),
            newest: HashMap::new(),
            in_flight: Vec::new(),
            violations: Vec::new(),
            first: 0,
        }
    }

    /// Reads the outcomes that have come; each event has one at most, and a further one at most for each time that it was redriven.
    pub(crate) fn read_outcomes(&mut self, life: u32) {
        for (position, payload) in self.outcomes.more() {
            let read: Option<Outcome> = serde_json::from_slice(&payload).ok();
            let read = read.and_then(|read| {
                let tag = TAGS.iter().position(|tag| *tag == read.tag)?;
                let ids = std::iter::once(&read.message_id).chain(&read.more);
                let numbers: Vec<u64> = ids.map(|id| number_of(id)).collect::<Option<_>>()?;
                Some((tag, numbers, read))
            });
            let Some((tag, numbers, read)) = read else {
                self.violate(format!("outcome {position} cannot be read"));
                continue;
            };
            numbers.into_iter().for_each(|number| self.read_outcome(life, tag, number, &read));
        }
    }

    fn read_outcome(&mut self, life: u32, tag: usize, number: u64, read: &Outcome) {
        let (outcome, again) = (read.outcome.clone(), read.again);
        if number < self.first {
            self.violate(format!("event {number} has another outcome for `{}`, long after its first", TAGS[tag]));
        }
        match self.ended[tag].get_mut(&number) {
            None => {
                let ended = Ended { outcome, life, asked: 0, again: 0, promised: false };
                self.ended[tag].insert(number, ended);
                if again {
                    self.violate(format!("event {number} has a further outcome for `{}`, and no first one", TAGS[tag]));
                }
            }
            Some(ended) if again && ended.again < ended.asked => {
                *ended = Ended { outcome, life, asked: ended.asked, again: ended.again + 1, promised: false };
            }
            Some(ended) => {
                let (before, asked) = (ended.outcome.clone(), ended.asked);
                self.violate(format!(
                    "event {number}, redriven {asked} times, has an outcome too many for `{}`: {outcome} after {before}",
                    TAGS[tag]
                ));
            }
        }
    }

    /// The newest letter of each event that is dead now. From here on they count as asked to be redriven.
    pub(crate) fn choose_letters(&mut self, life: u32) -> Vec<Chosen> {
        // First the outcomes: a letter is written before its event's.
        self.read_outcomes(life);
        self.read_letters();
        let mut chosen = Vec::new();
        for ((tag, number), letter) in &self.newest {
            if let Some(ended) = self.ended[*tag].get_mut(number).filter(|ended| ended.outcome == "dead_letter") {
                ended.asked += 1;
                chosen.push(Chosen { letter: *letter, tag: *tag, number: *number });
            }
        }
        chosen
    }

    /// The host has promised to run these again. No outcome may have been read since they were chosen.
    pub(crate) fn promise(&mut self, promised: &[Chosen]) {
        for Chosen { tag, number, .. } in promised {
            if let Some(ended) = self.ended[*tag].get_mut(number) {
                ended.promised = true;
            }
        }
    }

    /// The host's life has ended. `well`: by SIGTERM, after which nothing may be left in flight.
    pub(crate) fn end_life(&mut self, life: u32, well: bool, taken: &[Vec<Take>; TAGS.len()]) {
        self.read_outcomes(life);
        let mut left = HashSet::new();
        for (tag, takes) in taken.iter().enumerate() {
            let unrecorded = takes.iter().rev().take_while(|take| take.life == life);
            let is_recorded =
                |take: &Take| self.ended[tag].get(&take.number).is_some_and(|ended| ended.outcome == "delivered");
            for take in unrecorded.filter(|take| !is_recorded(take)) {
                left.insert((tag, take.number));
                if well && !take.lost {
                    let Take { number, .. } = take;
                    let violation = format!(
                        "event {number} was taken by the vendor of `{}`, and a host that ended well did not record it",
                        TAGS[tag]
                    );
                    self.violations.push(violation);
                }
            }
        }
        self.in_flight.push(left.len() as u64);
    }

    /// Whether everything in the journal has an outcome for every tag.
    pub(crate) fn is_drained(&self, accepted: usize) -> bool {
        self.ended.iter().all(|ended| ended.len() >= accepted && ended.values().all(|ended| !ended.promised))
    }

    /// The events in the journal that have come since the last call, in order.
    pub(crate) fn read_journal(&mut self) -> Vec<u64> {
        let mut numbers = Vec::new();
        for (position, payload) in self.journal.more() {
            let record: Option<serde_json::Value> = serde_json::from_slice(&payload).ok();
            match record.and_then(|record| number_of(record["event"]["messageId"].as_str()?)) {
                Some(number) => numbers.push(number),
                None => self.violate(format!("the event at {position} of the journal cannot be read")),
            }
        }
        numbers
    }

    /// Looks at everything, and forgets it. The host does not run, and all is drained.
    ///
    /// # Errors
    /// What does not hold.
    pub(crate) fn finish(
        &mut self,
        ledger: &Ledger,
        journal: &[u64],
        taken: &mut [Vec<Take>; TAGS.len()],
    ) -> Result<Figures, Vec<String>> {
        let mut figures = Figures { sent: ledger.sent.len() as u64, ..Figures::default() };
        self.check_journal(ledger, journal, &mut figures);
        for (tag, takes) in taken.iter_mut().enumerate() {
            self.check_outcomes(tag, journal, takes, &mut figures);
            self.check_takes(tag, ledger, takes, &mut figures);
            takes.clear();
        }
        self.check_letters(&mut figures);
        figures.in_flight = self.in_flight.iter().sum();
        figures.most_in_flight = self.in_flight.iter().copied().max().unwrap_or_default();
        for (duplicates, bound, of) in [
            (figures.after_kills, figures.in_flight, "events in flight at the kills"),
            (figures.after_lost_answers, figures.lost_answers, "answers lost"),
        ] {
            if duplicates > bound {
                self.violate(format!("{duplicates} duplicates, and no more than {bound} {of}"));
            }
        }
        self.in_flight.clear();
        self.ended.iter_mut().for_each(HashMap::clear);
        self.newest.clear();
        self.first = ledger.first + ledger.sent.len() as u64;
        match std::mem::take(&mut self.violations) {
            violations if violations.is_empty() => Ok(figures),
            violations => Err(violations),
        }
    }

    /// Everything acknowledged is there, once, in its user's order, and nothing else that was not sent.
    fn check_journal(&mut self, ledger: &Ledger, journal: &[u64], figures: &mut Figures) {
        let mut last: HashMap<u32, u64> = HashMap::new();
        let mut there = HashSet::new();
        for number in journal {
            let Some(sent) = number.checked_sub(ledger.first).and_then(|place| ledger.sent.get(place as usize)) else {
                self.violate(format!("event {number} is in the journal, and was not sent in this period"));
                continue;
            };
            if !there.insert(*number) {
                self.violate(format!("event {number} is in the journal twice"));
            }
            if last.insert(sent.user, *number).is_some_and(|before| before > *number) {
                self.violate(format!("event {number} is in the journal behind a later one of its user"));
            }
            figures.unheard += u64::from(!sent.acknowledged);
        }
        for (number, _) in (ledger.first..).zip(&ledger.sent).filter(|(_, sent)| sent.acknowledged) {
            figures.acknowledged += 1;
            if !there.contains(&number) {
                self.violate(format!("event {number} was acknowledged, and is not in the journal"));
            }
        }
    }

    /// Every event has the outcome that it has to have, and the vendor has it where it is one of success, and only there.
    fn check_outcomes(&mut self, tag: usize, journal: &[u64], takes: &[Take], figures: &mut Figures) {
        let took: HashSet<u64> = takes.iter().map(|take| take.number).collect();
        let name = TAGS[tag];
        for number in journal {
            let ended = self.ended[tag].get(number);
            let expected = match ended {
                Some(ended) if ended.again > 0 => expected_again(*number),
                _ => expected(tag, *number),
            };
            figures.again += ended.map_or(0, |ended| u64::from(ended.again));
            if ended.is_some_and(|ended| ended.promised) {
                self.violate(format!("event {number} was redriven for `{name}`, and has no further outcome"));
            }
            match self.ended[tag].get(number).map(|ended| ended.outcome.as_str()) {
                None => self.violate(format!("event {number} has no outcome for `{name}`")),
                Some(outcome) if outcome != expected => {
                    let violation = format!("event {number} ended as {outcome} for `{name}`, and not as {expected}");
                    self.violate(violation);
                }
                Some(_) => {}
            }
            match (expected, took.contains(number)) {
                ("delivered", false) => {
                    self.violate(format!(
                        "event {number} is recorded as delivered, and the vendor of `{name}` has it not"
                    ));
                }
                ("dead_letter" | "not_triggered", true) => {
                    self.violate(format!("event {number} was not for the vendor of `{name}`, which has it"));
                }
                ("delivered", true) => figures.delivered += 1,
                ("not_triggered", _) => figures.not_triggered += 1,
                _ => {}
            }
        }
        let there: HashSet<u64> = journal.iter().copied().collect();
        for number in took.iter().chain(self.ended[tag].keys().collect::<Vec<_>>()) {
            if !there.contains(number) {
                self.violations.push(format!("event {number} went through `{name}`, and is not in the journal"));
            }
        }
    }

    /// The first deliveries are in each user's order, and each repeat has its reason: an answer that was lost, or a kill before its outcome.
    fn check_takes(&mut self, tag: usize, ledger: &Ledger, takes: &[Take], figures: &mut Figures) {
        let name = TAGS[tag];
        let mut before: HashMap<u64, Take> = HashMap::new();
        let mut last: BTreeMap<u32, u64> = BTreeMap::new();
        for take in takes {
            let number = take.number;
            figures.lost_answers += u64::from(take.lost);
            let ended = self.ended[tag].get(&number).map(|ended| ended.life);
            if ended.is_some_and(|ended| take.life > ended) {
                self.violate(format!(
                    "event {number} was sent to the vendor of `{name}` after its outcome was recorded"
                ));
            }
            let Some(first) = before.insert(number, *take) else {
                let user = ledger.sent.get(number.wrapping_sub(ledger.first) as usize).map(|sent| sent.user);
                let Some(user) = user else { continue };
                // Its user's later events did not wait for a person.
                if self.ended[tag].get(&number).is_some_and(|ended| ended.again > 0) {
                    continue;
                }
                if last.insert(user, number).is_some_and(|before| before > number) {
                    self.violate(format!(
                        "event {number} came to the vendor of `{name}` behind a later one of its user"
                    ));
                }
                continue;
            };
            match first.life == take.life {
                true => figures.after_lost_answers += 1,
                false => figures.after_kills += 1,
            }
            if first.life == take.life && !first.lost {
                self.violate(format!(
                    "event {number} was sent twice to the vendor of `{name}`, which had answered, without a kill"
                ));
            }
        }
    }

    /// Reads the letters that have come.
    fn read_letters(&mut self) {
        for (position, payload) in self.letters.more() {
            let letter: serde_json::Value = serde_json::from_slice(&payload).unwrap_or_default();
            let tag = letter["tag"].as_str().and_then(|tag| TAGS.iter().position(|own| *own == tag));
            match (tag, letter["event"]["messageId"].as_str().and_then(number_of)) {
                (Some(tag), Some(number)) if expected(tag, number) == "dead_letter" => {
                    self.newest.insert((tag, number), position);
                }
                (Some(tag), Some(number)) => {
                    self.violate(format!("event {number} is a dead letter of `{}`: {}", TAGS[tag], letter["reason"]));
                }
                _ => self.violate(format!("dead letter {position} is of nothing that was sent: {letter}")),
            }
        }
    }

    fn check_letters(&mut self, figures: &mut Figures) {
        self.read_letters();
        for (tag, ended) in self.ended.iter().enumerate() {
            let dead = ended.iter().filter(|(_, ended)| ended.outcome == "dead_letter").map(|(number, _)| *number);
            for number in dead {
                figures.dead += 1;
                if !self.newest.contains_key(&(tag, number)) {
                    self.violations.push(format!("event {number} has no dead letter of `{}`", TAGS[tag]));
                }
            }
        }
    }

    fn violate(&mut self, violation: String) {
        if self.violations.len() < LISTED {
            self.violations.push(violation);
        }
    }
}
