//! Writes of several requests as one. What a write costs is the sync of a disk, or the way to the store and back; the requests that an instance
//! serves at the same time share it.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use spin_sdk::key_value::Error;
use spin_sdk::time::sleep;
use spin_sdk::wit_bindgen::yield_async;

use crate::record::Waiting;
use crate::seen;
use crate::store::Store;

/// How long events that have ended wait for others. What is ended meanwhile is run again.
const GATHER: Duration = Duration::from_millis(20);

thread_local! {
    static ACCEPTED: Group<Vec<(String, Vec<u8>)>> = const { Group(RefCell::new(Vec::new())) };
    static ENDED: Group<Vec<Waiting>> = const { Group(RefCell::new(Vec::new())) };
}

/// What is to be done together, and what came of it for each.
struct Group<T>(RefCell<Vec<(T, Done)>>);

type Done = Rc<OnceCell<Result<(), String>>>;

/// Writes records of events that have come. When it returns, they are durable.
pub(crate) async fn accept(store: &Store, records: Vec<(String, Vec<u8>)>) -> Result<(), Error> {
    let done = ACCEPTED.with(|group| group.join(records));
    // Whoever is as far joins, and whoever comes while others do.
    let mut before = 0;
    while done.get().is_none() && ACCEPTED.with(Group::parts) > before {
        before = ACCEPTED.with(Group::parts);
        yield_async().await;
    }
    ACCEPTED.with(|group| group.act(&done, |records| store.set_all(&records.concat())))
}

/// Remembers events, and removes them: every tag has ended.
pub(crate) async fn end(store: &Store, events: Vec<Waiting>) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let done = ENDED.with(|group| group.join(events));
    sleep(GATHER).await;
    ENDED.with(|group| group.act(&done, |events| seen::end(store, &events.concat())))
}

impl<T> Group<T> {
    fn parts(&self) -> usize {
        self.0.borrow().len()
    }

    fn join(&self, part: T) -> Done {
        let done = Done::default();
        self.0.borrow_mut().push((part, done.clone()));
        done
    }

    /// Acts for all who have joined, unless one of them has.
    fn act(&self, done: &Done, act: impl FnOnce(&[T]) -> Result<(), Error>) -> Result<(), Error> {
        if done.get().is_none() {
            let (parts, all): (Vec<T>, Vec<Done>) = self.0.take().into_iter().unzip();
            let result = act(&parts).map_err(|error| error.to_string());
            // Each is set here and nowhere else.
            all.iter().for_each(|done| _ = done.set(result.clone()));
        }
        match done.get() {
            Some(Err(error)) => Err(Error::Other(error.clone())),
            _ => Ok(()),
        }
    }
}
