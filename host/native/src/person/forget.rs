//! Removing what is held about a person.

use std::path::PathBuf;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::held::{Count, Held};
use super::{FORGOTTEN, FindError, Ids, Person, Who};
use crate::dead_letters::DeadLetter;
use crate::history::{History, HistoryError, Logs};
use crate::identity::{Links, LinksError};
use crate::journal::{Log, Ranges, Record, Rewrite, RewriteError, Traces};
use crate::reload::{ReloadError, Reloader};

/// What is asked for.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Asked {
    #[serde(flatten)]
    pub who: Who,
    /// Whether it is only said what would be removed.
    pub dry_run: bool,
}

/// What was removed, or would be.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Forgotten {
    /// All ids that were gone by, and those of them that the events led to.
    pub ids: Ids,
    pub found: Ids,
    /// Ids beside them that were seen with another user, too.
    pub shared: Vec<String>,
    /// Events that name another user beside one of the ids.
    pub of_others: u64,
    pub events: Count,
    pub dead_letters: Count,
    pub requests: Count,
    /// Which anonymous ids belong to which user, as identity links have it.
    pub links: u64,
    /// These stay, and say no more than how an event ended.
    pub outcomes: Count,
    /// Others' dead letters, which lost the request that they shared.
    pub shared_letters: u64,
    /// Damaged bytes in which an id was found, and copies of such bytes.
    pub damaged_bytes: u64,
    pub damaged_copies: u64,
    pub dry_run: bool,
}

/// Why not everything was removed. The same command may be given again.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    #[error("give an id: --user-id or --anonymous-id")]
    Nobody,
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("the tags could not be stopped for it: {0}")]
    Tags(#[from] ReloadError),
    #[error("not everything is removed yet: {0}; give the command again")]
    Links(#[from] LinksError),
    #[error("not everything is removed yet: {0}; give the command again")]
    Rewrite(#[from] RewriteError),
}

/// Removes what was held about a person when it began. `tags` are those of the running host, if there is one: they are stopped as for
/// a reload, so that none has an event of the person in hand, and go on at once; for what they had not done they find that it is
/// forgotten.
///
/// # Errors
/// When the logs cannot be read or written. What was removed stays so, and what is left is still found.
pub async fn forget(
    logs: Logs,
    links: &Links,
    tags: Option<&Reloader>,
    asked: &Asked,
) -> Result<Forgotten, ForgetError> {
    if asked.who.ids.is_empty() {
        return Err(ForgetError::Nobody);
    }
    // No redrive puts back meanwhile what is removed here, and two of these do not get into each other's way.
    let letters = logs.letters.clone();
    let _turn = letters.turn().await;
    let history = History::Opened(logs.clone(), PathBuf::new());
    let person = Person::find(&history, &asked.who).await?;
    let traces = person.traces()?;
    if asked.dry_run {
        let mut would = report(&person, &Held::find(&history, &person, &traces).await?, true);
        for log in [&logs.outcomes, &logs.sent, letters.log(), &logs.journal] {
            let found = log.traced(&traces).await?;
            would.damaged_bytes += found.wiped;
            would.damaged_copies += found.copies;
        }
        would.links = links.of(person.ids.linked()).await?.len() as u64;
        return Ok(would);
    }
    let events = Rewrite::remove(person.events.clone());
    let _veil = logs.journal.hide(events.clone());
    if let Some(tags) = tags {
        tags.renew().await?;
    }
    let held = Held::find(&history, &person, &traces).await?;
    let mut done = report(&person, &held, false);

    // By the events the rest is found, so they go last: after a crash, or a disk that was full, the same command finds what is left. A
    // further store of data about persons is emptied here, before them.
    done.links = links.forget(person.ids.linked()).await?.len() as u64;
    let shared = Rewrite::replace(held.shared_letters.clone(), without_request);
    remove(letters.log(), &shared, &Traces::default(), &mut done).await?;
    let mine = person.events.clone();
    let outcomes = Rewrite::replace(held.outcomes.records.clone(), move |record| blank_outcome(record, &mine));
    remove(&logs.outcomes, &outcomes, &traces, &mut done).await?;
    remove(&logs.sent, &Rewrite::remove(held.sent.records.clone()), &traces, &mut done).await?;
    remove(letters.log(), &Rewrite::remove(held.letters.records.clone()), &traces, &mut done).await?;
    remove(&logs.journal, &events, &traces, &mut done).await?;
    tracing::info!(
        events = done.events.records,
        dead_letters = done.dead_letters.records,
        requests = done.requests.records,
        outcomes = done.outcomes.records,
        "a person's data was removed, as asked"
    );
    Ok(done)
}

impl Forgotten {
    /// Whether there was nothing to remove.
    pub fn is_nothing(&self) -> bool {
        let counts = [&self.events, &self.dead_letters, &self.requests, &self.outcomes];
        let rest = [self.links, self.shared_letters, self.damaged_bytes, self.damaged_copies];
        counts.iter().all(|count| count.records == 0) && rest.iter().all(|count| *count == 0)
    }
}

async fn remove(log: &Log, rewrite: &Rewrite, traces: &Traces, done: &mut Forgotten) -> Result<(), RewriteError> {
    let rewritten = log.rewrite(rewrite, traces).await?;
    done.damaged_bytes += rewritten.wiped;
    done.damaged_copies += rewritten.copies;
    Ok(())
}

fn report(person: &Person, held: &Held, dry_run: bool) -> Forgotten {
    Forgotten {
        ids: person.ids.clone(),
        found: person.found.clone(),
        shared: person.shared.iter().cloned().collect(),
        of_others: person.of_others,
        events: person.journal.count(),
        dead_letters: held.letters.count(),
        requests: held.sent.count(),
        links: 0,
        outcomes: held.outcomes.count(),
        shared_letters: held.shared_letters.count(),
        damaged_bytes: 0,
        damaged_copies: 0,
        dry_run,
    }
}

/// How the person's events ended, and nothing of them: a tag's own reason may say anything. Why a trigger was false is the container's
/// own text, which other events of the record share.
fn blank_outcome(record: &Record, events: &Ranges) -> Bytes {
    let Ok(mut run) = serde_json::from_slice::<Map<String, Value>>(&record.payload) else {
        return record.payload.clone();
    };
    let first = run.get("position").and_then(Value::as_u64).unwrap_or_default();
    if events.contains(first) {
        run.insert("message_id".to_owned(), "".into());
        if run.contains_key("reason") && run.get("outcome").is_some_and(|outcome| outcome != "not_triggered") {
            run.insert("reason".to_owned(), FORGOTTEN.into());
        }
    }
    let more = run.get_mut("more").and_then(Value::as_array_mut).into_iter().flatten();
    for (_, id) in (first + 1..).zip(more).filter(|(position, _)| events.contains(*position)) {
        *id = "".into();
    }
    serde_json::to_vec(&run).map_or_else(|_| record.payload.clone(), Bytes::from)
}

/// The letter without the request that carried others' events, and the answer to it.
fn without_request(record: &Record) -> Bytes {
    let Ok(letter) = serde_json::from_slice::<DeadLetter>(&record.payload) else { return record.payload.clone() };
    let letter = DeadLetter { request: None, answer: None, ..letter };
    serde_json::to_vec(&letter).map_or_else(|_| record.payload.clone(), Bytes::from)
}
