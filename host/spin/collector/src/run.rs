//! Runs what was decided: each tag's calls, side by side with the other tags'.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use tagyard_pipeline::outcome::Cause;
use tagyard_pipeline::ran::BATCH_BYTES;
use tagyard_pipeline::remote::{Death, End, Reply};

use crate::app::App;
use crate::call;
use crate::decide::{Decided, Todo};
use crate::ended::{Came, Ended, record};
use crate::record::{Died, Past, Waiting};
use crate::store::Store;
use crate::tag::Tag;
use crate::{room, said, seen};

/// Calls of one tag that go on at once. A platform gives an application few instances.
const CALLS: usize = 4;

/// How long calls set out. The rest is the next drain's, which comes before long, and an interrupted run is noticed that much sooner.
const START_TIME: Duration = Duration::from_secs(10);

/// Failures in a row after which a tag's vendor counts as down, and the rest is left for the next drain.
const DOWN_AFTER: u32 = 5;

/// Failures in a row, by tag.
#[derive(Default)]
pub(crate) struct Down(RefCell<BTreeMap<String, u32>>);

/// How long events are somebody's who runs them.
pub(crate) fn lease(app: &App) -> Duration {
    START_TIME + call::longest(app)
}

pub(crate) async fn run(app: &App, store: &Store, events: Vec<Waiting>, decided: Decided, down: &Down) -> Came {
    let last_start = Instant::now() + START_TIME;
    let tags = app.tags.iter().zip(decided.tags);
    let running = tags.map(async |(tag, todo)| (tag, run_tag(app, tag, todo, last_start, down).await));
    let mut ends: Vec<Vec<(&Tag, Ended)>> = events.iter().map(|_| Vec::new()).collect();
    for (tag, ended) in join_all(running).await {
        for (todo, end) in ended {
            if let Some(ends) = ends.get_mut(todo.event) {
                ends.push((tag, end));
            }
        }
    }
    let (mut came, mut over) = (Came::default(), Vec::new());
    for (mut waiting, ends) in events.into_iter().zip(ends) {
        match record(app, store, &mut waiting, ends, &mut came).await {
            Ok(true) => over.push(waiting),
            Ok(false) => {}
            // It stays as it was, and is run again.
            Err(error) => said::problem(&format!("the store cannot be written: {error}")),
        }
    }
    if let Err(error) = seen::end(store, &over, room::may_remember()).await {
        said::problem(&format!("the store cannot be written: {error}"));
    }
    came
}

/// Runs one tag's events: in batches, those of one user one after the other.
async fn run_tag(app: &App, tag: &Tag, todo: Vec<Todo>, last_start: Instant, down: &Down) -> Vec<(Todo, Ended)> {
    let run = async |chain: Vec<Vec<Todo>>| {
        let mut ended = Vec::new();
        for batch in chain {
            ended.extend(attempt(app, tag, batch, last_start, down).await);
        }
        ended
    };
    let chains = chains(batches(todo, tag.max_batch));
    stream::iter(chains).map(run).buffer_unordered(CALLS).concat().await
}

/// What calls itself for the halves of a batch.
type Attempt<'a> = Pin<Box<dyn Future<Output = Vec<(Todo, Ended)>> + 'a>>;

/// Calls the tag. A call, or a request, that fails with several events is split until the one to blame stands alone.
fn attempt<'a>(app: &'a App, tag: &'a Tag, batch: Vec<Todo>, last_start: Instant, down: &'a Down) -> Attempt<'a> {
    Box::pin(async move {
        if Instant::now() >= last_start || down.is(tag) {
            return batch.into_iter().map(|todo| (todo, Ended::Left)).collect();
        }
        let several = batch.len() > 1;
        let ends = match call::call(app, tag, &batch).await {
            Ok(Reply::Ended(ends)) if ends.len() == batch.len() => ends,
            Ok(Reply::Failed { may_be_of_one_event: true, .. }) | Err(_) if several => {
                return split(app, tag, batch, last_start, down).await;
            }
            Ok(Reply::Failed { reason, .. }) => {
                let failed = |todo: Todo| {
                    let death = Death { cause: Cause::Failed, reason: reason.clone(), request: None, answer: None };
                    let died = todo.past.died.clone().unwrap_or_else(|| Box::new(Died { death, attempts: 0 }));
                    let delivered = todo.past.delivered.clone();
                    (todo, Ended::Dead { died, delivered })
                };
                return batch.into_iter().map(failed).collect();
            }
            Ok(Reply::Ended(_)) => return broken(batch, "its component's reply is for another call"),
            Err(reason) => return broken(batch, &reason),
        };
        let (mut ended, mut again) = (Vec::new(), Vec::new());
        for (mut todo, end) in batch.into_iter().zip(ends) {
            down.note(tag, matches!(end, End::Again { .. }));
            if let End::Split { delivered } = &end {
                todo.past.delivered = new_only(delivered.clone(), &todo.past);
            }
            match after(&todo, end) {
                Some(end) => ended.push((todo, end)),
                None => again.push(todo),
            }
        }
        if !again.is_empty() {
            ended.extend(split(app, tag, again, last_start, down).await);
        }
        ended
    })
}

async fn split(app: &App, tag: &Tag, mut batch: Vec<Todo>, last_start: Instant, down: &Down) -> Vec<(Todo, Ended)> {
    let right = batch.split_off(batch.len() / 2);
    let mut ended = Vec::new();
    for half in [batch, right] {
        if !half.is_empty() {
            ended.extend(attempt(app, tag, half, last_start, down).await);
        }
    }
    ended
}

/// What an attempt came to, with what came of the event before. `None` where it is to be called again by itself.
fn after(todo: &Todo, end: End) -> Option<Ended> {
    let (past, attempts) = (&todo.past, todo.attempts + 1);
    let died = |death: Box<Death>| {
        let attempts = if death.request.is_some() { attempts } else { 0 };
        past.died.clone().unwrap_or_else(|| Box::new(Died { death: *death, attempts }))
    };
    Some(match (end, past.died.clone()) {
        (End::Split { .. }, _) => return None,
        (End::Skipped(reason), None) => Ended::Skipped(reason),
        (End::Delivered(_), None) => Ended::Delivered { attempts },
        // Nothing of it is left to send: now it is as dead as it has been.
        (End::Skipped(_), Some(died)) => Ended::Dead { died, delivered: past.delivered.clone() },
        (End::Delivered(delivered), Some(died)) => Ended::Dead { died, delivered: new_only(delivered, past) },
        (End::Dead { death, delivered }, _) => Ended::Dead { died: died(death), delivered: new_only(delivered, past) },
        (End::Again { failed, after_seconds, delivered, refused, death }, _) => {
            let past = Past {
                delivered: new_only(delivered, past),
                refused: [&past.refused[..], &refused].concat(),
                died: death.map(died).or(past.died.clone()),
            };
            Ended::Again { attempts, failed, after: after_seconds.map(Duration::from_secs), past }
        }
    })
}

/// Without those that were refused before: the adapter, which was told not to send them, takes them for delivered.
fn new_only(mut delivered: Vec<String>, past: &Past) -> Vec<String> {
    delivered.retain(|request| !past.refused.contains(request));
    delivered
}

fn broken(batch: Vec<Todo>, reason: &str) -> Vec<(Todo, Ended)> {
    let broken = |todo: Todo| {
        let Todo { attempts, broken, past, .. } = &todo;
        let ended =
            Ended::Broken { times: broken + 1, attempts: *attempts, past: past.clone(), reason: reason.to_owned() };
        (todo, ended)
    };
    batch.into_iter().map(broken).collect()
}

/// As many in each as a call takes.
fn batches(todo: Vec<Todo>, max_batch: usize) -> Vec<Vec<Todo>> {
    let mut batches: Vec<Vec<Todo>> = Vec::new();
    let mut bytes = 0;
    for todo in todo {
        let length = todo.redacted.len();
        match batches.last_mut().filter(|batch| batch.len() < max_batch && bytes + length <= BATCH_BYTES) {
            Some(batch) => batch.push(todo),
            None => {
                bytes = 0;
                batches.push(vec![todo]);
            }
        }
        bytes += length;
    }
    batches
}

/// Batches that share a user follow each other in a chain.
fn chains(batches: Vec<Vec<Todo>>) -> Vec<Vec<Vec<Todo>>> {
    let mut chains: Vec<Vec<Vec<Todo>>> = Vec::new();
    for batch in batches {
        let user = |todo: Option<&Todo>| todo.map(|todo| todo.user);
        let last = chains.last().and_then(|chain| chain.last()).and_then(|batch| batch.last());
        let goes_on = last.is_some() && user(last) == user(batch.first());
        match chains.last_mut().filter(|_| goes_on) {
            Some(chain) => chain.push(batch),
            None => chains.push(vec![batch]),
        }
    }
    chains
}

impl Down {
    fn is(&self, tag: &Tag) -> bool {
        self.0.borrow().get(&tag.name).is_some_and(|failures| *failures >= DOWN_AFTER)
    }

    fn note(&self, tag: &Tag, has_failed: bool) {
        let mut failures = self.0.borrow_mut();
        match has_failed {
            true => *failures.entry(tag.name.clone()).or_default() += 1,
            false => drop(failures.remove(&tag.name)),
        }
    }
}
