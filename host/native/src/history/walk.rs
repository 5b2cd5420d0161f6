//! Going through a log, page by page.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::{Entry, Extent, History, HistoryError, Part};

/// How far records may lie out of the order of time: a clock that is set back, requests that overtake one another.
pub const CLOCK_SLACK: SignedDuration = SignedDuration::from_mins(10);

/// How many records are asked for at once.
const PAGE_RECORDS: usize = 4_096;

/// A span of time; what is absent does not bound it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub since: Option<Timestamp>,
    /// Not in it any more.
    pub until: Option<Timestamp>,
}

/// A way through a log, up to where it ended when the way began: on a running host there is always more.
pub struct Walk<'h> {
    history: &'h History,
    part: Part,
    extent: Extent,
    next: u64,
    span: Span,
    page: VecDeque<Entry>,
}

impl<'h> Walk<'h> {
    /// Through the records of a span of time.
    ///
    /// # Errors
    /// When the host is gone.
    pub async fn new(history: &'h History, part: Part, span: Span) -> Result<Self, HistoryError> {
        let since = span.since.map(|since| since.checked_sub(CLOCK_SLACK).unwrap_or(Timestamp::MIN));
        let extent = history.extent(part, since).await?;
        Ok(Walk { history, part, extent, next: extent.from, span, page: VecDeque::new() })
    }

    /// The next record in the span.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn next(&mut self) -> Result<Option<Entry>, HistoryError> {
        loop {
            while let Some(entry) = self.page.pop_front() {
                self.next = entry.position + 1;
                if entry.position > self.extent.last || self.is_past(entry.at_ms) {
                    self.next = self.extent.last + 1;
                    self.page.clear();
                } else if self.span.has(entry.at_ms) {
                    return Ok(Some(entry));
                }
            }
            if self.next > self.extent.last {
                return Ok(None);
            }
            self.page = self.history.read(self.part, self.next, PAGE_RECORDS).await?.into();
            if self.page.is_empty() {
                self.next = self.extent.last + 1;
            }
        }
    }

    /// How many positions it has passed, and of how many.
    pub fn progress(&self) -> (u64, u64) {
        let Extent { from, last } = self.extent;
        (self.next.saturating_sub(from), (last + 1).saturating_sub(from))
    }

    fn is_past(&self, at_ms: i64) -> bool {
        let last = self.span.until.map(|until| until.checked_add(CLOCK_SLACK).unwrap_or(Timestamp::MAX));
        last.is_some_and(|last| at_ms > last.as_millisecond())
    }
}

impl Span {
    fn has(&self, at_ms: i64) -> bool {
        self.since.is_none_or(|since| at_ms >= since.as_millisecond())
            && self.until.is_none_or(|until| at_ms < until.as_millisecond())
    }
}
