//! Settling dead letters: by running their events again, or by letting them go.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::put_back::put_back;
use super::select::{Choice, Chosen};
use super::{AgainError, Selection};
use crate::dead_letters::{DeadLetters, How};
use crate::journal::{EventJournal, Journal, Ranges, ReadError, ReadLimit};
use crate::outcomes::{Recorder, Rerun};

/// What a redrive did.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Redriven {
    /// Letters that were settled, and for each tag the events that are run again.
    pub letters: u64,
    pub tags: BTreeMap<String, u64>,
    /// For each tag, the events that the journal had let go of and that were put back: they run as new ones do.
    pub put_back: BTreeMap<String, u64>,
    /// How the tags were doing with what they run again, before that.
    pub before: BTreeMap<String, Rerun>,
    pub left: Left,
    /// Of the numbers that were asked for: those of no letter, and those of letters that were settled before.
    pub unknown: Vec<u64>,
    pub settled_before: Vec<u64>,
}

/// Letters that stay as they are, and why.
#[derive(Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Left {
    /// The source could not take the event, so no tag ever saw it.
    pub no_tag: u64,
    /// Of tags that are not in the container.
    pub unknown_tag: BTreeMap<String, u64>,
    /// Neither the journal nor the letter has the event whole.
    pub gone: u64,
    /// The event is in work at the moment, or as many are marked as there is room for.
    pub busy: u64,
}

/// What a drop did: how many letters were settled, by tag; without one, those that no tag saw.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Dropped {
    pub tags: BTreeMap<String, u64>,
    pub no_tag: u64,
    pub unknown: Vec<u64>,
    pub settled_before: Vec<u64>,
}

/// Runs the events of letters again, each for its letter's tag, and settles the letters.
///
/// First the marks are saved, or the events put back, then the letters are settled. A crash in between leaves a letter that may be redriven twice, and never one
/// whose event is lost.
///
/// # Errors
/// When the disk does not take it.
pub async fn redrive(
    letters: &DeadLetters,
    journal: &EventJournal,
    recorder: &Recorder,
    selection: Selection,
) -> Result<Redriven, AgainError> {
    let _turn = letters.turn().await;
    let mut done = Redriven { before: recorder.reruns(), ..Redriven::default() };
    let mut events: BTreeMap<String, Ranges> = BTreeMap::new();
    let mut choice = Choice::new(letters, selection).await?;
    loop {
        let round = choice.round().await?;
        if round.is_empty() {
            break;
        }
        let runs = recorder.run_again(&wanted(&round)).await?;
        let (mut settled, mut gone) = (Ranges::default(), Vec::new());
        for Chosen { number, tag, position } in round {
            let (Some(tag), Some(position)) = (tag, position) else {
                done.left.no_tag += 1;
                continue;
            };
            match runs.get(&tag) {
                None => *done.left.unknown_tag.entry(tag).or_default() += 1,
                Some(runs) if !runs.contains(position) => done.left.busy += 1,
                // Only now: what is marked is kept by the journal from here on.
                Some(_) if !has(journal, position).await? => {
                    recorder.forget_again(&tag, position, position);
                    gone.push((number, tag));
                }
                Some(_) => {
                    settled.add(number, number);
                    events.entry(tag).or_default().add(position, position);
                }
            }
        }
        let put_back = put_back(letters, journal, &gone).await?;
        put_back.iter().for_each(|(first, last)| settled.add(first, last));
        for (number, tag) in gone {
            match put_back.contains(number) {
                true => *done.put_back.entry(tag).or_default() += 1,
                false => done.left.gone += 1,
            }
        }
        letters.settle(&settled, How::Redriven).await?;
        done.letters += settled.count();
    }
    done.tags = events.into_iter().map(|(tag, events)| (tag, events.count())).collect();
    (done.unknown, done.settled_before) = (choice.unknown, choice.settled_before);
    Ok(done)
}

/// Settles letters without running anything.
///
/// # Errors
/// When the disk does not take it.
pub async fn drop_letters(letters: &DeadLetters, selection: Selection) -> Result<Dropped, AgainError> {
    let _turn = letters.turn().await;
    let mut done = Dropped::default();
    let mut choice = Choice::new(letters, selection).await?;
    loop {
        let round = choice.round().await?;
        if round.is_empty() {
            break;
        }
        let mut settled = Ranges::default();
        round.iter().for_each(|chosen| settled.add(chosen.number, chosen.number));
        letters.settle(&settled, How::Dropped).await?;
        for Chosen { tag, .. } in round {
            match tag {
                Some(tag) => *done.tags.entry(tag).or_default() += 1,
                None => done.no_tag += 1,
            }
        }
    }
    (done.unknown, done.settled_before) = (choice.unknown, choice.settled_before);
    Ok(done)
}

fn wanted(round: &[Chosen]) -> BTreeMap<String, Ranges> {
    let mut wanted: BTreeMap<String, Ranges> = BTreeMap::new();
    for Chosen { tag, position, .. } in round {
        if let (Some(tag), Some(position)) = (tag, position) {
            wanted.entry(tag.clone()).or_default().add(*position, *position);
        }
    }
    wanted
}

async fn has(journal: &EventJournal, position: u64) -> Result<bool, ReadError> {
    let records = journal.read_from(position, ReadLimit { records: 1, ..ReadLimit::default() }).await?;
    Ok(records.first().is_some_and(|record| record.position == position))
}
