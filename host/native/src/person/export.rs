//! Everything that is held about a person, as JSON lines.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::{FindError, Held, Ids, Person, Who};
use crate::dead_letters::DeadLetter;
use crate::history::{
    CHUNK_BYTES, CHUNK_EVENTS, Ending, Endings, Entry, History, HistoryError, Part, PastEvent, Span, Unreadable, Walk,
};
use crate::identity::KeptLink;
use crate::sent::Sent;

/// A line.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'l> {
    Person {
        exported_at: Timestamp,
        #[serde(flatten)]
        ids: &'l Ids,
        /// Of the ids, those that the events led to.
        found: &'l Ids,
        /// Ids beside them that were seen with another user, too: nothing is exported by them.
        shared: Vec<&'l str>,
        /// Events that name another user beside one of the ids.
        of_others: u64,
    },
    /// Which anonymous id belongs to which user.
    Link {
        #[serde(flatten)]
        link: KeptLink,
    },
    Event {
        #[serde(flatten)]
        event: Past,
        outcomes: BTreeMap<String, Ending>,
    },
    Request {
        #[serde(flatten)]
        sent: Box<Sent>,
    },
    /// A request that carried others' events too: what is in it is theirs as well.
    SharedRequest { at: Timestamp, tag: String, events: Vec<u64>, attempts: u32, status: Option<u16> },
    DeadLetter {
        number: u64,
        #[serde(flatten)]
        letter: Box<DeadLetter>,
        /// Whether it has a request that may have carried others' events too, and that is left out here.
        request_left_out: bool,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Past {
    Event(Box<PastEvent>),
    Unreadable(Unreadable),
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    pub links: u64,
    pub events: u64,
    pub requests: u64,
    pub dead_letters: u64,
    /// Of the events, those that name another user beside one of the ids.
    pub of_others: u64,
}

impl Exported {
    pub fn is_nothing(&self) -> bool {
        *self == Exported::default()
    }
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exported { links, events, requests, dead_letters, .. } = self;
        let one = |count: u64, what| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
        let (events, requests) = (one(*events, "event"), one(*requests, "request"));
        let letters = one(*dead_letters, "dead letter");
        match links {
            0 => write!(f, "{events}, {requests} and {letters}"),
            links => write!(f, "{events}, {requests}, {letters} and {}", one(*links, "identity link")),
        }
    }
}

/// Writes it.
///
/// # Errors
/// When the logs cannot be read, or nobody takes the lines.
pub async fn export(history: &History, who: &Who, mut out: impl Write) -> Result<Exported, ExportError> {
    let person = Person::find(history, who).await?;
    let held = Held::find(history, &person, &person.traces()?).await?;
    let shared = person.shared.iter().map(String::as_str).collect();
    let (exported_at, ids, found) = (Timestamp::now(), &person.ids, &person.found);
    let mut lines = Lines { out: &mut out, exported: Exported::default() };
    let of_others = person.of_others;
    lines.write(&Line::Person { exported_at, ids, found, shared, of_others })?;
    for link in history.links(&person.ids).await? {
        lines.write(&Line::Link { link })?;
    }
    lines.events(history, &person).await?;
    lines.requests(history, &person, &held).await?;
    lines.letters(history, &held).await?;
    let exported = Exported { of_others, ..lines.exported };
    out.flush()?;
    Ok(exported)
}

struct Lines<W> {
    out: W,
    exported: Exported,
}

impl<W: Write> Lines<W> {
    fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        match line {
            Line::Person { .. } => {}
            Line::Link { .. } => self.exported.links += 1,
            Line::Event { .. } => self.exported.events += 1,
            Line::Request { .. } | Line::SharedRequest { .. } => self.exported.requests += 1,
            Line::DeadLetter { .. } => self.exported.dead_letters += 1,
        }
        // Nothing in it is a map with other keys than strings, so it is always JSON.
        writeln!(self.out, "{}", serde_json::to_string(line).unwrap_or_default())
    }

    async fn events(&mut self, history: &History, person: &Person) -> Result<(), ExportError> {
        let mut walk = Walk::new(history, Part::Journal, Span::default()).await?;
        loop {
            let chunk = chunk(&mut walk, person).await?;
            let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { return Ok(()) };
            let received = chunk.iter().map(|entry| entry.at_ms).min().unwrap_or(first.at_ms);
            let received = Timestamp::from_millisecond(received).unwrap_or(Timestamp::MIN);
            let mut endings = Endings::default();
            crate::history::outcomes(history, first.position..=last.position, received, None, |recorded| {
                if person.events.contains(recorded.position) {
                    endings.add(recorded);
                }
            })
            .await?;
            for entry in &chunk {
                let event = match PastEvent::read(entry.position, &entry.payload) {
                    Ok(past) => Past::Event(Box::new(past)),
                    Err(unreadable) => Past::Unreadable(unreadable),
                };
                self.write(&Line::Event { event, outcomes: endings.take(entry.position) })?;
            }
        }
    }

    async fn requests(&mut self, history: &History, person: &Person, held: &Held) -> Result<(), ExportError> {
        let mut walk = Walk::new(history, Part::Sent, Span::default()).await?;
        while let Some(entry) = walk.next().await? {
            if !held.sent.records.contains(entry.position) {
                continue;
            }
            let Ok(sent) = serde_json::from_slice::<Sent>(&entry.payload) else { continue };
            let (mine, others): (Vec<u64>, Vec<u64>) =
                sent.events.iter().partition(|event| person.events.contains(**event));
            self.write(&match others.is_empty() {
                true => Line::Request { sent: Box::new(sent) },
                false => {
                    let Sent { at, tag, attempts, status, .. } = sent;
                    Line::SharedRequest { at, tag, events: mine, attempts, status }
                }
            })?;
        }
        Ok(())
    }

    async fn letters(&mut self, history: &History, held: &Held) -> Result<(), ExportError> {
        let mut walk = Walk::new(history, Part::DeadLetters, Span::default()).await?;
        while let Some(entry) = walk.next().await? {
            if !held.letters.records.contains(entry.position) {
                continue;
            }
            let Ok(mut letter) = serde_json::from_slice::<DeadLetter>(&entry.payload) else { continue };
            let request_left_out = letter.request.is_some() && !held.is_alone(&letter);
            if request_left_out {
                (letter.request, letter.answer) = (None, None);
            }
            self.write(&Line::DeadLetter { number: entry.position, letter: Box::new(letter), request_left_out })?;
        }
        Ok(())
    }
}

/// The next events of the person.
async fn chunk(walk: &mut Walk<'_>, person: &Person) -> Result<Vec<Entry>, HistoryError> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while entries.len() < CHUNK_EVENTS
        && bytes < CHUNK_BYTES
        && let Some(entry) = walk.next().await?
    {
        if person.events.contains(entry.position) {
            bytes += entry.payload.len();
            entries.push(entry);
        }
    }
    Ok(entries)
}

impl Held {
    /// Whether the requests of a letter's event are known to have carried no other.
    fn is_alone(&self, letter: &DeadLetter) -> bool {
        let (Some(tag), Some(position)) = (&letter.tag, letter.position) else { return false };
        let has = |kind: &BTreeMap<String, crate::journal::Ranges>| {
            kind.get(tag).is_some_and(|events| events.contains(position))
        };
        has(&self.alone) && !has(&self.shared)
    }
}
