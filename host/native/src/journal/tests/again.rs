//! A cursor against a model, with marks to run events again, and crashes.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

const EVENTS: u64 = 24;

#[derive(Clone, Debug)]
enum Step {
    /// The worker reads on.
    New,
    /// The worker reads what is to be run again.
    Again,
    /// A person has these run again.
    Mark(Vec<(u64, u64)>),
    /// One that runs has its outcome.
    Finish(Index),
    Save,
    /// The process is killed and starts from what is on disk.
    Crash,
    /// Another worker takes over.
    Rewind,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let pieces = prop::collection::vec((1..=EVENTS, 0u64..6), 1..4);
    let step = prop_oneof![
        6 => Just(Step::New),
        5 => Just(Step::Again),
        2 => pieces.prop_map(Step::Mark),
        8 => any::<Index>().prop_map(Step::Finish),
        1 => Just(Step::Save),
        1 => Just(Step::Crash),
        1 => Just(Step::Rewind),
    ];
    prop::collection::vec(step, 0..120)
}

struct Run {
    missing: BTreeSet<u64>,
    cursor: Cursor,
    /// The checkpoint, and how many outcomes it knows.
    saved: (String, usize),
    outcomes: Vec<u64>,
    running: BTreeSet<u64>,
    /// What has to have an outcome: for the first time, or once more.
    needed: BTreeSet<u64>,
}

impl Run {
    fn new(start: u64, missing: BTreeSet<u64>) -> Self {
        let cursor = Cursor::starting_at(start);
        let saved = (serde_json::to_string(&cursor).unwrap(), 0);
        let needed = (start..=EVENTS).filter(|position| !missing.contains(position)).collect();
        Run { missing, cursor, saved, outcomes: Vec::new(), running: BTreeSet::new(), needed }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::New => _ = self.new_event(),
            Step::Again => _ = self.again(),
            Step::Mark(pieces) => self.mark(pieces),
            Step::Finish(which) => self.finish_any(which),
            Step::Save => self.saved = (serde_json::to_string(&self.cursor).unwrap(), self.outcomes.len()),
            Step::Crash => {
                self.cursor = serde_json::from_str(&self.saved.0).unwrap();
                self.outcomes[self.saved.1..].iter().for_each(|position| self.cursor.replay(*position));
                self.running.clear();
            }
            Step::Rewind => {
                self.cursor.rewind();
                self.running.clear();
            }
        }
        let kept = self.needed.iter().all(|position| *position >= self.cursor.low());
        assert!(kept, "retention may delete what is needed: {:?} {:?}", self.needed, self.cursor);
    }

    fn new_event(&mut self) -> bool {
        let next = (self.cursor.next_read()..=EVENTS).find(|position| !self.missing.contains(position));
        let Some(position) = next else { return false };
        if self.cursor.begin(position) == Begin::Run {
            self.run(position);
        }
        true
    }

    fn again(&mut self) -> bool {
        let Some((first, last)) = self.cursor.next_again() else { return false };
        assert!(last >= first && last < self.cursor.next());
        if self.missing.contains(&first) {
            assert_eq!(self.cursor.forget_again(first, first), 1);
        } else {
            assert_eq!(self.cursor.begin_again(first), Begin::Run);
            assert_eq!(self.cursor.begin_again(first), Begin::Skip, "begun already");
            self.run(first);
        }
        true
    }

    fn run(&mut self, position: u64) {
        assert!(self.needed.contains(&position), "{position} has its outcome: {:?}", self.cursor);
        assert!(self.running.insert(position), "{position} is run twice at once");
    }

    fn mark(&mut self, pieces: &[(u64, u64)]) {
        let mut wanted = Ranges::default();
        pieces.iter().for_each(|(first, more)| wanted.add(*first, first + more));
        let runs = self.cursor.run_again(&wanted);
        for position in (1..=EVENTS).filter(|position| !self.missing.contains(position)) {
            let has_outcome = !self.needed.contains(&position);
            assert!(!(runs.contains(position) && self.running.contains(&position)), "in work at the moment");
            assert!(!has_outcome || runs.contains(position) == wanted.contains(position), "{position} {runs:?}");
            if runs.contains(position) {
                self.needed.insert(position);
            }
        }
        self.step(&Step::Save);
    }

    fn finish_any(&mut self, which: &Index) {
        let running: Vec<u64> = self.running.iter().copied().collect();
        if !running.is_empty() {
            self.finish(*which.get(&running));
        }
    }

    fn finish(&mut self, position: u64) {
        assert!(self.cursor.finish(position));
        self.outcomes.push(position);
        self.running.remove(&position);
        self.needed.remove(&position);
    }

    fn drain(&mut self) {
        while self.new_event() || self.again() {}
        while let Some(position) = self.running.first().copied() {
            self.finish(position);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_needed_is_run_and_nothing_else(
        steps in steps(), start in 1..=EVENTS, missing in prop::collection::btree_set(1..=EVENTS, 0..5),
    ) {
        let mut run = Run::new(start, missing);
        steps.iter().for_each(|step| run.step(step));
        run.drain();
        prop_assert!(run.needed.is_empty(), "never run: {:?} {:?}", run.needed, run.cursor);
        prop_assert_eq!((run.cursor.again(), run.cursor.unfinished()), (0, 0));
        prop_assert_eq!(run.cursor.low(), run.cursor.next());
    }
}

#[test]
fn scattered_marks_have_a_bound_and_a_stretch_has_none() {
    let mut cursor = Cursor::starting_at(1 << 40);
    let mut scattered = Ranges::default();
    (1..=MAX_AGAIN_PIECES as u64 + 5).for_each(|number| scattered.add(number * 2, number * 2));
    assert_eq!(cursor.run_again(&scattered).count(), MAX_AGAIN_PIECES as u64);
    let mut cursor = Cursor::starting_at(1 << 40);
    let mut stretch = Ranges::default();
    stretch.add(1, 1 << 30);
    assert_eq!(cursor.run_again(&stretch).count(), 1 << 30);
    assert_eq!((cursor.again(), cursor.low(), cursor.reached()), (1 << 30, 1, 1 << 40));
}

#[test]
fn what_is_run_again_counts_among_the_unfinished() {
    let mut cursor = Cursor::starting_at(MAX_UNFINISHED + 2);
    let mut all = Ranges::default();
    all.add(1, MAX_UNFINISHED + 1);
    cursor.run_again(&all);
    (1..=MAX_UNFINISHED).for_each(|position| assert_eq!(cursor.begin_again(position), Begin::Run));
    assert_eq!(cursor.begin_again(MAX_UNFINISHED + 1), Begin::Full);
    assert_eq!(cursor.begin(MAX_UNFINISHED + 2), Begin::Full);
    cursor.finish(7);
    assert_eq!(cursor.begin_again(MAX_UNFINISHED + 1), Begin::Run);
}

/// As the release before wrote it, which knew of nothing to run again.
#[test]
fn an_older_checkpoint_loads() {
    let dir = directory();
    let cursors = r#"{"outcomes":40,"tags":{"ga4":{"next":13,"unfinished":[[3,3],[7,9]]}}}"#;
    let text = format!(r#"{{"checksum":{},"cursors":{cursors}}}"#, crc32c::crc32c(cursors.as_bytes()));
    fs::write(dir.path().join("cursors.json"), text).unwrap();
    let Loaded { cursors: loaded, origin } = CursorFile::new(dir.path().join("cursors.json")).load();
    assert_eq!(origin, Origin::Current);
    assert_eq!(serde_json::to_string(&loaded).unwrap(), cursors);
    assert_eq!(loaded.get("ga4").map(|cursor| (cursor.again(), cursor.unfinished(), cursor.low())), Some((0, 4, 3)));
}
