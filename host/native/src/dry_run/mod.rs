//! A dry run: past events through today's container, with nothing sent, and how the requests differ from what was sent then.

mod changes;
mod compare;
mod now;
mod then;

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;

pub use changes::{Change, MAX_CHANGES};
pub use compare::{ChangedRequest, Compared, Verdict};

use crate::history::{
    CHUNK_BYTES, CHUNK_EVENTS, Endings, Entry, History, HistoryError, Part, PastEvent, Span, Unreadable, Walk,
};
use crate::tag::Tag;
use compare::{Sides, compare};
use then::Then;

/// A dry run of one tag over a span of time, event by event, or request by request where several events shared one.
pub struct DryRun<'r> {
    history: &'r History,
    tag: &'r Tag,
    walk: Walk<'r>,
    chunk: Option<Chunk>,
    /// Events that were run with one that came before them.
    done: BTreeSet<u64>,
}

/// Some of the events, with what became of them then.
struct Chunk {
    events: VecDeque<Entry>,
    then: Then,
    endings: Endings,
}

impl<'r> DryRun<'r> {
    /// Prepares it. `tag` is today's.
    ///
    /// # Errors
    /// When the host is gone.
    pub async fn new(history: &'r History, tag: &'r Tag, span: Span) -> Result<Self, HistoryError> {
        let walk = Walk::new(history, Part::Journal, span).await?;
        Ok(DryRun { history, tag, walk, chunk: None, done: BTreeSet::new() })
    }

    /// The next event, or the next events that shared a request; `None` at the end.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub async fn next(&mut self) -> Result<Option<Compared>, HistoryError> {
        loop {
            let Some(mut chunk) = self.chunk.take() else {
                match self.read_chunk().await? {
                    Some(chunk) => self.chunk = Some(chunk),
                    None => return Ok(None),
                }
                continue;
            };
            let Some(entry) = chunk.events.pop_front() else { continue };
            let compared = match self.done.remove(&entry.position) {
                true => None,
                false => Some(self.run(&entry, &mut chunk).await?),
            };
            self.chunk = Some(chunk);
            if compared.is_some() {
                return Ok(compared);
            }
        }
    }

    /// How many events it has passed, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        let (read, all) = self.walk.progress();
        let waiting = self.chunk.as_ref().map_or(0, |chunk| chunk.events.len() as u64);
        (read.saturating_sub(waiting), all)
    }

    async fn read_chunk(&mut self) -> Result<Option<Chunk>, HistoryError> {
        let (mut events, mut bytes) = (VecDeque::new(), 0);
        while events.len() < CHUNK_EVENTS
            && bytes < CHUNK_BYTES
            && let Some(entry) = self.walk.next().await?
        {
            bytes += entry.payload.len();
            events.push_back(entry);
        }
        let (Some(first), Some(last)) = (events.front(), events.back()) else { return Ok(None) };
        let positions = first.position..=last.position;
        let received = events.iter().map(|entry| entry.at_ms).min().unwrap_or(first.at_ms);
        let received = Timestamp::from_millisecond(received).unwrap_or(Timestamp::MIN);
        let then = Then::of(self.history, positions.clone(), received, &self.tag.name).await?;
        let endings = Endings::of(self.history, positions, received, Some(&self.tag.name)).await?;
        Ok(Some(Chunk { events, then, endings }))
    }

    async fn run(&mut self, entry: &Entry, chunk: &mut Chunk) -> Result<Compared, HistoryError> {
        let sent = chunk.then.requests(self.history, entry.position).await?;
        let mut positions: BTreeSet<u64> = sent.iter().flat_map(|sent| &sent.events).copied().collect();
        positions.insert(entry.position);
        let mut events = Vec::with_capacity(positions.len());
        for position in &positions {
            let read = match chunk.events.binary_search_by_key(position, |near| near.position) {
                _ if *position == entry.position => Some(PastEvent::read(*position, &entry.payload)),
                Ok(near) => Some(PastEvent::read(*position, &chunk.events[near].payload)),
                // Of another time, or of the next chunk.
                Err(_) => self.history.event(*position).await?,
            };
            let gone = || Unreadable { position: *position, unreadable: "it is no longer in the journal".to_owned() };
            events.push(read.unwrap_or_else(|| Err(gone())));
        }
        let now = now::run(self.tag, &events).await;
        let ending = chunk.endings.take(entry.position).remove(&self.tag.name);
        self.done.extend(positions.range(entry.position + 1..));
        Ok(compare(Sides { events: &events, sent, ending, now }))
    }
}
