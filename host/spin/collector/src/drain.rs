//! The drain: takes up what is left over. A scheduler asks for it every minute; nothing depends on how often, but how soon.

use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use serde::Serialize;
use spin_sdk::key_value::Error;

use crate::app::App;
use crate::decide::decide;
use crate::letters;
use crate::record::{Read, Waiting};
use crate::run::{Came, Down, lease, run};
use crate::store::{EVENTS, Store};

/// How long a drain sets out for more, and how many events it takes: platforms end a request after some time.
const DRAIN_TIME: Duration = Duration::from_secs(25);
const DRAIN_EVENTS: usize = 1_000;

/// Events that are read and run at once; they are held in memory.
const CHUNK: usize = 100;

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

pub(crate) async fn drain(app: &App, store: &Store) -> Result<Drained, Error> {
    let began = Instant::now();
    let mut drained = Drained::default();
    let down = Down::default();
    let mut keys = store.keys(EVENTS).await?;
    if let Some(last) = store.drained().await? {
        // After where the last one stopped, so that what is at the end has its turn.
        let first = keys.partition_point(|key| *key <= last);
        keys.rotate_left(first);
    }
    let mut looked_at = 0;
    for chunk in keys.chunks(CHUNK) {
        if began.elapsed() >= DRAIN_TIME || drained.taken >= DRAIN_EVENTS {
            break;
        }
        let events = take(app, store, chunk).await?;
        drained.taken += events.len();
        drained.came.add(run_due(app, store, events, &down).await);
        looked_at += chunk.len();
    }
    drained.more = looked_at < keys.len();
    match keys.get(looked_at.wrapping_sub(1)).filter(|_| drained.more) {
        Some(last) => store.set_drained(last).await?,
        None => store.set_drained("").await?,
    }
    drained.waiting = store.keys(EVENTS).await?.len();
    drained.dead_letters = letters::let_go(store, app.keep_dead).await?;
    Ok(drained)
}

/// Those of the events that are due, the oldest first, now this drain's own.
async fn take(app: &App, store: &Store, keys: &[String]) -> Result<Vec<Waiting>, Error> {
    let now = SystemTime::now();
    let reads = join_all(keys.iter().map(|key| store.event(key))).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    let due = |read: Read| (read.busy_until <= now && read.waiting.is_due(app, now)).then_some(read.waiting);
    let mut events: Vec<Waiting> = reads.into_iter().flatten().filter_map(due).collect();
    events.sort_by_key(|waiting| waiting.accepted.received_at);
    let busy_until = now + lease(app);
    for put in join_all(events.iter().map(|waiting| store.put(waiting, busy_until))).await {
        put?;
    }
    Ok(events)
}

async fn run_due(app: &App, store: &Store, mut events: Vec<Waiting>, down: &Down) -> Came {
    let decided = decide(app, &mut events, SystemTime::now());
    run(app, store, events, decided, down).await
}
