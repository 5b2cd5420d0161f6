//! The drain: takes up what is left over. A scheduler asks for it every minute; nothing depends on how often, but how soon.

use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use serde::Serialize;
use spin_sdk::key_value::Error;

use crate::app::App;
use crate::decide::decide;
use crate::ended::Came;
use crate::held::Held;
use crate::record::{Read, Waiting};
use crate::run::{Down, lease, run};
use crate::store::{Keys, Store};
use crate::{letters, room, said, seen};

/// How long a drain sets out for more, and how many events it takes: platforms end a request after some time.
const DRAIN_TIME: Duration = Duration::from_secs(25);
const DRAIN_EVENTS: usize = 1_000;

/// Events that are read and run at once; they are held in memory.
const CHUNK: usize = 100;

/// Where the last drain stopped.
const DRAINED: &str = "drained";

/// What came of asking for a drain.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Answer {
    Drained(Drained),
    /// Another one is at it.
    Busy {
        busy: bool,
    },
}

/// What a drain did, and what is left.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Drained {
    /// Events that were taken up.
    taken: usize,
    #[serde(flatten)]
    came: Came,
    /// Events that wait, those that are not due yet among them.
    waiting: usize,
    dead_letters: usize,
    /// Whether it stopped before it had looked at all of them: it should be asked again at once.
    more: bool,
}

pub(crate) async fn drain(app: &App, store: &Store) -> Result<Answer, Error> {
    let keys = store.keys()?;
    let held = match Held::take(store, DRAIN_TIME + lease(app), &keys.held).await {
        Ok(Some(held)) => Some(held),
        Ok(None) => return Ok(Answer::Busy { busy: true }),
        Err(error) => {
            said::problem(&format!("the store does not keep drains apart, so call one at a time: {error}"));
            None
        }
    };
    let drained = hold(app, store, keys, held.is_some()).await;
    if let Some(held) = held {
        held.let_go(store).await?;
    }
    Ok(Answer::Drained(drained?))
}

async fn hold(app: &App, store: &Store, keys: Keys, is_alone: bool) -> Result<Drained, Error> {
    let began = Instant::now();
    let mut drained = Drained::default();
    let down = Down::default();
    let mut events = keys.events.clone();
    if let Some(last) = store.value(DRAINED).await?.filter(|last| !last.is_empty()) {
        // After where the last one stopped, so that what is at the end has its turn.
        let first = events.partition_point(|key| key.as_bytes() <= &last[..]);
        events.rotate_left(first);
    }
    let (mut looked_at, mut left) = (0, 0);
    for chunk in events.chunks(CHUNK) {
        if began.elapsed() >= DRAIN_TIME || drained.taken >= DRAIN_EVENTS {
            break;
        }
        let (due, others) = take(app, store, chunk, is_alone).await?;
        left += others;
        drained.taken += due.len();
        drained.came.add(run_due(app, store, due, &down).await);
        looked_at += chunk.len();
    }
    drained.more = looked_at < events.len();
    match events.get(looked_at.wrapping_sub(1)).filter(|_| drained.more) {
        Some(last) => store.set(DRAINED, last.as_bytes()).await?,
        None => store.delete(DRAINED).await?,
    }
    drained.waiting = left + drained.taken.saturating_sub(drained.came.ended) + (events.len() - looked_at);
    drained.dead_letters = letters::let_go(store, &keys.letters, app.keep_dead).await? + drained.came.dead;
    seen::forget(store, &keys.seen).await?;
    room::tell(store, drained.waiting, keys.seen.len()).await?;
    Ok(drained)
}

/// Those of the events that are due, the oldest first, and how many others there are. Where drains are not kept apart, they are marked as this
/// one's own, which leaves it to chance whether another has read them just before.
async fn take(app: &App, store: &Store, keys: &[String], is_alone: bool) -> Result<(Vec<Waiting>, usize), Error> {
    let now = SystemTime::now();
    let reads = join_all(keys.iter().map(|key| store.event(key))).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let reads: Vec<Read> = reads.into_iter().flatten().collect();
    let there = reads.len();
    let due = |read: Read| (read.busy_until <= now && read.waiting.is_due(app, now)).then_some(read.waiting);
    let mut events: Vec<Waiting> = reads.into_iter().filter_map(due).collect();
    events.sort_by_key(|waiting| waiting.accepted.received_at);
    if !is_alone {
        store.put_all(&events.iter().collect::<Vec<_>>(), now + lease(app)).await?;
    }
    let others = there - events.len();
    Ok((events, others))
}

async fn run_due(app: &App, store: &Store, mut events: Vec<Waiting>, down: &Down) -> Came {
    let decided = decide(app, &mut events, SystemTime::now());
    run(app, store, events, decided, down).await
}
