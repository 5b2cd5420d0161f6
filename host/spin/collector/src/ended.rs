//! How events ended, and what is left to do of them: the dead letters, the outcomes, and the store's record, in this order. What is
//! interrupted in between is run again rather than lost.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use spin_sdk::key_value::Error;
use tagyard_pipeline::dead_letter::DeadLetter;
use tagyard_pipeline::outcome::{Cause, Outcome};
use tagyard_pipeline::remote::{Death, Undelivered};
use tagyard_pipeline::retry;

use crate::app::App;
use crate::letters::{self, Letter};
use crate::record::{Died, Past, Progress, Waiting, millis};
use crate::said::{self, Words};
use crate::store::Store;
use crate::tag::Tag;

/// How often an adapter may give no reply until its event is a dead letter: it may have been the platform's trouble and not the tag's, but a
/// tag that never ends takes a processor each time.
const MOST_BROKEN: u32 = 3;

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

/// How one event ended for one tag, or did not.
pub(crate) enum Ended {
    Skipped(String),
    Delivered {
        attempts: u32,
    },
    Dead {
        died: Box<Died>,
        /// Its requests that were delivered nevertheless.
        delivered: Vec<String>,
    },
    Again {
        attempts: u32,
        failed: Box<Undelivered>,
        after: Option<Duration>,
        past: Past,
    },
    Broken {
        times: u32,
        attempts: u32,
        past: Past,
        reason: String,
    },
    /// It was not its turn any more.
    Left,
}

impl Came {
    pub(crate) fn add(&mut self, other: Came) {
        self.ended += other.ended;
        self.dead += other.dead;
        self.again += other.again;
    }
}

/// Records what came of an event; whether every tag has ended, so that it can be removed.
pub(crate) async fn record(
    app: &App,
    store: &Store,
    waiting: &mut Waiting,
    ends: Vec<(&Tag, Ended)>,
    came: &mut Came,
) -> Result<bool, Error> {
    let now = SystemTime::now();
    for (tag, ended) in ends {
        let progress = match ended {
            Ended::Left => continue,
            Ended::Skipped(reason) => {
                said(waiting, tag, &Outcome::Skipped { reason }, Words::Guests, 0);
                Progress::Ended
            }
            Ended::Delivered { attempts } => {
                said(waiting, tag, &Outcome::Delivered, Words::Ours, attempts);
                Progress::Ended
            }
            Ended::Dead { died, delivered } => dead(store, waiting, tag, *died, delivered, came).await?,
            Ended::Again { attempts, failed, after, past } => {
                match retry::pause(waiting.since, app.max_age, attempts, after, now, rand::random()) {
                    Some(pause) => Progress::Again { attempts, at_ms: millis(now + pause), past },
                    None => {
                        let reason = retry::given_up(&failed.reason, app.max_age);
                        let death = Death::from(Undelivered { reason, ..*failed });
                        let died = past.died.unwrap_or_else(|| Box::new(Died { death, attempts }));
                        dead(store, waiting, tag, *died, past.delivered, came).await?
                    }
                }
            }
            Ended::Broken { times, past, reason, .. } if times >= MOST_BROKEN => {
                let death = Death { cause: Cause::Failed, reason, request: None, answer: None };
                let died = past.died.unwrap_or_else(|| Box::new(Died { death, attempts: 0 }));
                dead(store, waiting, tag, *died, past.delivered, came).await?
            }
            Ended::Broken { times, attempts, past, reason } => {
                said::problem(&format!("the tag `{}`: {reason}", tag.name));
                Progress::Broken { times, attempts, past }
            }
        };
        waiting.tags.insert(tag.name.clone(), progress);
    }
    let has_ended = |tag: &Tag| waiting.tags.get(&tag.name) == Some(&Progress::Ended);
    if app.tags.iter().all(has_ended) {
        came.ended += 1;
        return Ok(true);
    }
    came.again += 1;
    store.put(waiting, now).await?;
    Ok(false)
}

async fn dead(
    store: &Store,
    waiting: &Waiting,
    tag: &Tag,
    died: Died,
    delivered: Vec<String>,
    came: &mut Came,
) -> Result<Progress, Error> {
    let Died { death: Death { cause, reason, request, answer }, attempts } = died;
    let accepted = &waiting.accepted;
    let letter = DeadLetter {
        at: Timestamp::now(),
        tag: Some(tag.name.clone()),
        position: None,
        cause,
        reason: reason.clone(),
        event: serde_json::Value::Object(accepted.event.fields()),
        brought_by: accepted.request.clone(),
        request,
        answer,
        attempts,
    };
    letters::put(store, &Letter { letter, delivered }).await?;
    came.dead += 1;
    let words = match cause {
        Cause::Refused | Cause::Undeliverable | Cause::Invalid => Words::Ours,
        Cause::Rejected | Cause::Failed => Words::Guests,
    };
    said(waiting, tag, &Outcome::DeadLetter { cause, reason }, words, attempts);
    Ok(Progress::Ended)
}

fn said(waiting: &Waiting, tag: &Tag, outcome: &Outcome, words: Words, attempts: u32) {
    let message_id = waiting.accepted.event.message_id();
    said::outcome(&tag.name, message_id, outcome, words, attempts, waiting.is_again());
}
