//! What a tag's call came to: which events end with it, and which requests may be sent.

use crate::grants::Grant;
use crate::outcome::Cause;
use crate::output::{LogLine, Output};
use crate::permit::{MAX_REQUESTS, Permitted, SecretBindings, permit};

/// The most notes of one call on events that are skipped or rejected: twice the largest batch.
pub const MAX_NOTES: usize = 4_096;

/// The most bytes of events that one call carries, whatever `max_batch` says: a guest has to hold them several times over.
pub const BATCH_BYTES: usize = 1024 * 1024;

/// The reason of an event of which a tag says nothing.
pub const SILENT: &str = "the tag returned nothing for it";

/// What one call came to.
#[derive(Debug, Default)]
pub struct Ran {
    pub permitted: Vec<Permitted>,
    /// Events of the call that end here, by their position in it.
    pub ended: Vec<(usize, GuestEnd)>,
    pub log: Vec<LogLine>,
}

/// How an event ended in the sandbox or at the permit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GuestEnd {
    Skipped(String),
    Dead(Cause, String),
}

/// Why what a call returned cannot be meant.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OutputError {
    #[error("it returned more than the host takes: {0}")]
    TooMuch(String),
    #[error("it returned something for event {0} of a call with {1}; positions begin at 0")]
    Position(u32, usize),
}

impl Ran {
    /// Checks what a call with `count` events returned, and every request that it asks for.
    ///
    /// # Errors
    /// When the output is of such a size, or speaks of such events, as cannot be meant.
    pub fn new(output: Output, count: usize, grant: &Grant, bindings: &SecretBindings) -> Result<Self, OutputError> {
        check(&output, count)?;
        let mut ran = Ran { log: output.log, ..Ran::default() };
        let mut named = vec![false; count];
        for note in output.rejected {
            ran.end(&mut named, note.event, GuestEnd::Dead(Cause::Rejected, note.reason));
        }
        for mut request in output.requests {
            if request.events.is_empty() {
                // A request that does not say what it carries stands for the whole call.
                request.events = (0..).take(count).collect();
            }
            let carried = request.events.clone();
            match permit(request, count, grant, bindings) {
                Ok(permitted) => {
                    carried.iter().for_each(|event| named[*event as usize] = true);
                    ran.permitted.push(permitted);
                }
                Err(refused) => {
                    for event in carried {
                        ran.end(&mut named, event, GuestEnd::Dead(Cause::Refused, refused.to_string()));
                    }
                }
            }
        }
        for note in
            output.skipped.into_iter().filter(|note| named.get(note.event as usize) == Some(&false)).collect::<Vec<_>>()
        {
            ran.end(&mut named, note.event, GuestEnd::Skipped(note.reason));
        }
        for event in (0..).take(count) {
            if !named[event as usize] {
                ran.end(&mut named, event, GuestEnd::Skipped(SILENT.to_owned()));
            }
        }
        Ok(ran)
    }

    /// Ends an event, if the call has it: a position that a guest makes up means nothing.
    fn end(&mut self, named: &mut [bool], event: u32, end: GuestEnd) {
        if let Some(named) = named.get_mut(event as usize) {
            *named = true;
            self.ended.push((event as usize, end));
        }
    }
}

/// Whether a call's output is of a size, and speaks of such events, as can be meant.
///
/// # Errors
/// When it is not.
pub fn check(output: &Output, events: usize) -> Result<(), OutputError> {
    let (requests, notes) = (output.requests.len(), output.skipped.len() + output.rejected.len());
    if requests > MAX_REQUESTS {
        return Err(OutputError::TooMuch(format!("{requests} requests, and {MAX_REQUESTS} are the most")));
    }
    if notes > MAX_NOTES {
        return Err(OutputError::TooMuch(format!("{notes} events skipped or rejected, and {MAX_NOTES} are the most")));
    }
    if let Some(request) = output.requests.iter().find(|request| request.events.len() > events) {
        let named = request.events.len();
        return Err(OutputError::TooMuch(format!("a request with {named} events of a call with {events}")));
    }
    // An event that was meant by it would else end as if the tag had had nothing to say of it.
    match output.skipped.iter().chain(&output.rejected).find(|note| note.event as usize >= events) {
        Some(note) => Err(OutputError::Position(note.event, events)),
        None => {
            match output.requests.iter().flat_map(|request| &request.events).find(|event| **event as usize >= events) {
                Some(event) => Err(OutputError::Position(*event, events)),
                None => Ok(()),
            }
        }
    }
}
