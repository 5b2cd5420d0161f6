//! Runs what was decided: each tag's calls, side by side with the other tags'; then records how each event ended, and keeps in the store
//! what is left to do.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use jiff::Timestamp;
use tagyard_pipeline::dead_letter::{DeadLetter, ShownAnswer, ShownRequest};
use tagyard_pipeline::outcome::{Cause, Outcome};
use tagyard_pipeline::ran::BATCH_BYTES;
use tagyard_pipeline::remote::{End, Reply, Undelivered};
use tagyard_pipeline::retry;

use crate::app::App;
use crate::call;
use crate::decide::{Decided, Todo};
use crate::letters;
use crate::record::{Progress, Waiting, millis};
use crate::said::{self, Words};
use crate::store::Store;
use crate::tag::Tag;

/// Calls of one tag that go on at once. A platform gives an application few instances.
const CALLS: usize = 4;

/// How long calls set out. The rest is the next drain's, which comes before long, and an interrupted run is noticed that much sooner.
const START_TIME: Duration = Duration::from_secs(10);

/// How often an adapter may give no reply until its event is a dead letter: it may have been the platform's trouble and not the tag's, but a
/// tag that never ends takes a processor each time.
const MOST_BROKEN: u32 = 3;

/// Failures in a row after which a tag's vendor counts as down, and the rest is left for the next drain.
const DOWN_AFTER: u32 = 5;

/// What came of some events.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(crate) struct Came {
    /// Events that every tag has ended.
    pub(crate) ended: usize,
    /// Dead letters.
    pub(crate) dead: usize,
    /// Events of which something is tried again.
    pub(crate) again: usize,
}

impl Came {
    pub(crate) fn add(&mut self, other: Came) {
        self.ended += other.ended;
        self.dead += other.dead;
        self.again += other.again;
    }
}

/// Failures in a row, by tag.
#[derive(Default)]
pub(crate) struct Down(RefCell<BTreeMap<String, u32>>);

/// How one event ended for one tag, or did not.
enum Ended {
    Outcome {
        outcome: Outcome,
        words: Words,
        attempts: u32,
        failed: Option<Box<Undelivered>>,
    },
    Again {
        attempts: u32,
        failed: Box<Undelivered>,
        after: Option<Duration>,
        delivered: Vec<String>,
    },
    Broken {
        times: u32,
        reason: String,
    },
    /// It was not its turn any more.
    Left,
}

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
    let mut came = Came::default();
    for (waiting, ends) in events.into_iter().zip(ends) {
        if let Err(error) = record(app, store, waiting, ends, &mut came).await {
            // It stays as it was, and is run again.
            said::problem(&format!("the store cannot be written: {error}"));
        }
    }
    came
}

/// Records what came of an event, the dead letters first: what ends in between is run again rather than lost.
async fn record(
    app: &App,
    store: &Store,
    mut waiting: Waiting,
    ends: Vec<(&Tag, Ended)>,
    came: &mut Came,
) -> Result<(), spin_sdk::key_value::Error> {
    let now = SystemTime::now();
    for (tag, ended) in ends {
        let progress = match ended {
            Ended::Left => continue,
            Ended::Again { attempts, failed, after, delivered } => {
                match retry::pause(waiting.since, app.max_age, attempts, after, now, rand::random()) {
                    Some(pause) => Progress::Again { attempts, at_ms: millis(now + pause), delivered },
                    None => {
                        let reason = retry::given_up(&failed.reason, app.max_age);
                        let outcome = Outcome::DeadLetter { cause: Cause::Undeliverable, reason };
                        end(store, &waiting, tag, outcome, Words::Ours, attempts, Some(failed), came).await?
                    }
                }
            }
            Ended::Broken { times, reason } if times >= MOST_BROKEN => {
                let outcome = Outcome::DeadLetter { cause: Cause::Failed, reason };
                end(store, &waiting, tag, outcome, Words::Ours, 0, None, came).await?
            }
            Ended::Broken { times, reason } => {
                said::problem(&format!("the tag `{}`: {reason}", tag.name));
                Progress::Broken { times }
            }
            Ended::Outcome { outcome, words, attempts, failed } => {
                end(store, &waiting, tag, outcome, words, attempts, failed, came).await?
            }
        };
        waiting.tags.insert(tag.name.clone(), progress);
    }
    let has_ended = |tag: &Tag| waiting.tags.get(&tag.name) == Some(&Progress::Ended);
    if app.tags.iter().all(has_ended) {
        came.ended += 1;
        return store.delete(&waiting.key).await;
    }
    came.again += 1;
    store.put(&waiting, now).await
}

#[expect(clippy::too_many_arguments, reason = "what an outcome is made of")]
async fn end(
    store: &Store,
    waiting: &Waiting,
    tag: &Tag,
    outcome: Outcome,
    words: Words,
    attempts: u32,
    failed: Option<Box<Undelivered>>,
    came: &mut Came,
) -> Result<Progress, spin_sdk::key_value::Error> {
    let accepted = &waiting.accepted;
    if let Outcome::DeadLetter { cause, reason } = &outcome {
        let (request, answer): (Option<ShownRequest>, Option<ShownAnswer>) =
            failed.map(|failed| (Some(failed.request), failed.answer)).unwrap_or_default();
        let letter = DeadLetter {
            at: Timestamp::now(),
            tag: Some(tag.name.clone()),
            position: None,
            cause: *cause,
            reason: reason.clone(),
            event: serde_json::Value::Object(accepted.event.fields()),
            brought_by: accepted.request.clone(),
            request,
            answer,
            attempts,
        };
        letters::put(store, &letter).await?;
        came.dead += 1;
    }
    said::outcome(&tag.name, accepted.event.message_id(), &outcome, words, attempts, accepted.only.is_some());
    Ok(Progress::Ended)
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
                let dead = || Ended::guests(Outcome::DeadLetter { cause: Cause::Failed, reason: reason.clone() });
                return batch.into_iter().map(|todo| (todo, dead())).collect();
            }
            Ok(Reply::Ended(_)) => return broken(batch, "its component's reply is for another call"),
            Err(reason) => return broken(batch, &reason),
        };
        let (mut ended, mut again) = (Vec::new(), Vec::new());
        for (todo, end) in batch.into_iter().zip(ends) {
            down.note(tag, matches!(end, End::Again { .. }));
            let attempts = todo.attempts + 1;
            let end = match end {
                End::Skipped(reason) => Ended::guests(Outcome::Skipped { reason }),
                End::Dead(cause, reason) => {
                    let words = if cause == Cause::Refused { Words::Ours } else { Words::Guests };
                    let outcome = Outcome::DeadLetter { cause, reason };
                    Ended::Outcome { outcome, words, attempts: 0, failed: None }
                }
                End::Delivered => {
                    Ended::Outcome { outcome: Outcome::Delivered, words: Words::Ours, attempts, failed: None }
                }
                End::Undeliverable(failed) => {
                    let outcome = Outcome::DeadLetter { cause: Cause::Undeliverable, reason: failed.reason.clone() };
                    Ended::Outcome { outcome, words: Words::Ours, attempts, failed: Some(failed) }
                }
                End::Again { failed, after_seconds, delivered } => {
                    Ended::Again { attempts, failed, after: after_seconds.map(Duration::from_secs), delivered }
                }
                End::Split => {
                    again.push(todo);
                    continue;
                }
            };
            ended.push((todo, end));
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

fn broken(batch: Vec<Todo>, reason: &str) -> Vec<(Todo, Ended)> {
    let broken = |todo: Todo| {
        let times = todo.broken + 1;
        (todo, Ended::Broken { times, reason: reason.to_owned() })
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

impl Ended {
    fn guests(outcome: Outcome) -> Self {
        Ended::Outcome { outcome, words: Words::Guests, attempts: 0, failed: None }
    }
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
