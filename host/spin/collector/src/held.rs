//! One drain at a time. The store can add to a number at once: whoever makes it one holds a stretch of time, and the one after it; when they
//! are over nobody holds them, so that a drain that was ended half way keeps no other out for long.

use std::time::{Duration, SystemTime};

use spin_sdk::key_value::Error;

use crate::record::millis;
use crate::store::{HELD, Store};

/// What a drain holds.
pub(crate) struct Held(Vec<String>);

impl Held {
    /// `None` where another holds it. `longest` is how long it may take; `left` are the keys of those before.
    pub(crate) async fn take(store: &Store, longest: Duration, left: &[String]) -> Result<Option<Self>, Error> {
        let (now, stretch) = (millis(SystemTime::now()) / 1_000, longest.as_secs().max(1));
        let end = (now / stretch + 1) * stretch;
        let mut held = Held(Vec::new());
        // Of this stretch there is only what is left, so the next one is needed as well.
        for end in [end, end + stretch] {
            let key = format!("{HELD}{end:012}");
            if store.add(&key, 1)? > 1 {
                held.let_go(store).await?;
                return Ok(None);
            }
            held.0.push(key);
        }
        let over: Vec<String> = left.iter().filter(|key| is_over(key, now)).cloned().collect();
        store.delete_all(&over).await?;
        Ok(Some(held))
    }

    pub(crate) async fn let_go(self, store: &Store) -> Result<(), Error> {
        store.delete_all(&self.0).await
    }
}

fn is_over(key: &str, now: u64) -> bool {
    key.strip_prefix(HELD).and_then(|end| end.parse::<u64>().ok()).is_none_or(|end| end <= now)
}
