//! Which events have been, so that one that is sent again within a day is not taken twice.
//!
//! Each has a key. How old they are, one record says, which the drain writes: to it a key is new since the drain before, so that no key has
//! to be read.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use spin_sdk::key_value::Error;

use crate::record::{Waiting, millis};
use crate::store::{EVENTS, SEEN, Store};

/// How long an event is remembered.
const KEEP: Duration = Duration::from_secs(24 * 3_600);

/// How many events are remembered at most, the newest: listing them is what each drain costs. It is enough for a day of one event in four
/// seconds; a busier site's are forgotten sooner.
pub(crate) const MAX_SEEN: usize = 20_000;

/// How many there may be before the next drain forgets the oldest of them.
pub(crate) const MAX_UNFORGOTTEN: usize = 2 * MAX_SEEN;

/// The record: of each key the sixteen bytes of its hash, and in which minute the drain first saw it, the oldest first.
const AGES: &str = "seen";
const HASH: usize = 16;
const ENTRY: usize = HASH + 4;

/// The key by which an event is remembered.
pub(crate) fn key(event: &str) -> String {
    event.replacen(EVENTS, SEEN, 1)
}

/// Remembers events, and removes them: every tag has ended. Where they are more than are remembered they are only removed.
pub(crate) async fn end(store: &Store, events: &[Waiting], may_remember: bool) -> Result<(), Error> {
    let has_come = |waiting: &&Waiting| may_remember && !waiting.is_again();
    let remembered = |waiting: &Waiting| (key(&waiting.key), b"1".to_vec());
    // In this order: at no moment is it unknown.
    store.set_all(&events.iter().filter(has_come).map(remembered).collect::<Vec<_>>()).await?;
    let keys: Vec<String> = events.iter().map(|waiting| waiting.key.clone()).collect();
    store.delete_all(&keys).await
}

/// Forgets what is too old, and the oldest of what is too much.
pub(crate) async fn forget(store: &Store, keys: &[String]) -> Result<(), Error> {
    let minute = u32::try_from(millis(SystemTime::now()) / 60_000).unwrap_or_default();
    let before = store.value(AGES).await?.unwrap_or_default();
    let (after, gone) = aged(&before, keys, minute);
    store.delete_all(&gone).await?;
    if after != before {
        store.set(AGES, &after).await?;
    }
    Ok(())
}

/// The record after this minute, and the keys that go.
fn aged(before: &[u8], keys: &[String], minute: u32) -> (Vec<u8>, Vec<String>) {
    let mut new: BTreeSet<[u8; HASH]> = keys.iter().filter_map(|key| hash(key)).collect();
    let mut ages: Vec<([u8; HASH], u32)> = Vec::with_capacity(new.len());
    for entry in before.chunks_exact(ENTRY) {
        let (Ok(hash), Ok(age)) = (entry[..HASH].try_into(), entry[HASH..].try_into()) else { continue };
        if new.remove(&hash) {
            ages.push((hash, u32::from_be_bytes(age)));
        }
    }
    ages.extend(new.into_iter().map(|hash| (hash, minute)));
    let too_many = ages.len().saturating_sub(MAX_SEEN);
    let is_old = |age: u32| u64::from(minute.saturating_sub(age)) * 60 > KEEP.as_secs();
    let gone = ages.iter().enumerate().take_while(|(at, (_, age))| *at < too_many || is_old(*age)).count();
    let keys = ages.drain(..gone).map(|(hash, _)| format!("{SEEN}{}", hex::encode(hash))).collect();
    (ages.iter().flat_map(|(hash, age)| hash.iter().copied().chain(age.to_be_bytes())).collect(), keys)
}

fn hash(key: &str) -> Option<[u8; HASH]> {
    hex::decode(key.strip_prefix(SEEN)?).ok()?.try_into().ok()
}
