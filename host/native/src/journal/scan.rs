//! Reading a segment's records one after the other, across damage.

use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt;

use super::record::{HEAD_BYTES, Head, MAX_PAYLOAD_BYTES, Record, decode};

/// Bytes asked of the disk at once.
const CHUNK: usize = 64 * 1024;

/// Bytes a search for the next whole record may put through the checksum. What looks like a record's head
/// is rare by chance; a payload made of nothing else must not make the search quadratic.
const SEARCH_BYTES: usize = 256 << 20;

#[derive(Debug)]
pub(super) enum Found {
    Record {
        offset: u64,
        record: Record,
    },
    /// Bytes in which no whole record was found; `end` is the next record's offset, or where the scan ends.
    Damage {
        offset: u64,
        end: u64,
    },
}

#[derive(Debug)]
pub(super) struct Scanner {
    file: File,
    offset: u64,
    end: u64,
    /// The position of the record at `offset`.
    expected: u64,
    /// The next segment's first position.
    until: u64,
    buffer: Vec<u8>,
    buffer_at: u64,
}

impl Scanner {
    /// Scans `offset..end`; the record at `offset` has the position `expected`, all have one below `until`.
    pub(super) fn new(file: File, offset: u64, end: u64, expected: u64, until: u64) -> Self {
        Self { file, offset, end, expected, until, buffer: Vec::new(), buffer_at: offset }
    }

    /// Where it goes on.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The position after the last record found.
    pub(super) fn expected(&self) -> u64 {
        self.expected
    }

    /// # Errors
    /// Only what the system says; no content of the file is an error.
    pub(super) fn next(&mut self) -> io::Result<Option<Found>> {
        if self.offset >= self.end || self.expected >= self.until {
            return Ok(None);
        }
        let offset = self.offset;
        let Some(head) = self.whole_record(offset, self.expected..=self.expected)? else {
            return self.pass_damage().map(Some);
        };
        let Some(record) = decode(self.window(offset, head.disk_bytes())?) else {
            return self.pass_damage().map(Some);
        };
        self.offset += head.disk_bytes() as u64;
        self.expected += 1;
        Ok(Some(Found::Record { offset, record }))
    }

    fn pass_damage(&mut self) -> io::Result<Found> {
        let offset = self.offset;
        let next = match self.by_length(offset)? {
            Some(next) => Some(next),
            None => self.search(offset)?,
        };
        let (end, expected) = next.unwrap_or((self.end, self.expected));
        self.offset = end;
        self.expected = expected;
        Ok(Found::Damage { offset, end })
    }

    /// The record behind the damaged one, if its length is still right. Tried first, so that
    /// a payload which looks like a record is not taken for one.
    fn by_length(&mut self, offset: u64) -> io::Result<Option<(u64, u64)>> {
        let Some(head) = Head::read(self.window(offset, HEAD_BYTES)?) else {
            return Ok(None);
        };
        let next = offset + head.disk_bytes() as u64;
        let positions = self.positions_behind(next - offset);
        Ok(self.whole_record(next, positions)?.map(|head| (next, head.position)))
    }

    fn search(&mut self, offset: u64) -> io::Result<Option<(u64, u64)>> {
        let mut budget = SEARCH_BYTES;
        for next in offset + 1..self.end {
            let positions = self.positions_behind(next - offset);
            let Some(head) = self.plausible(next, &positions)? else {
                continue;
            };
            let Some(left) = budget.checked_sub(head.disk_bytes()) else {
                return Ok(None);
            };
            budget = left;
            if self.whole_record(next, positions)?.is_some() {
                return Ok(Some((next, head.position)));
            }
        }
        Ok(None)
    }

    /// What the position of the record behind so many damaged bytes can be.
    fn positions_behind(&self, bytes: u64) -> RangeInclusive<u64> {
        let most = self.expected + bytes / HEAD_BYTES as u64;
        self.expected..=most.min(self.until - 1)
    }

    fn plausible(&mut self, offset: u64, positions: &RangeInclusive<u64>) -> io::Result<Option<Head>> {
        let end = self.end;
        let head = Head::read(self.window(offset, HEAD_BYTES)?);
        Ok(head.filter(|head| {
            positions.contains(&head.position)
                && head.length <= MAX_PAYLOAD_BYTES
                && offset + head.disk_bytes() as u64 <= end
        }))
    }

    fn whole_record(&mut self, offset: u64, positions: RangeInclusive<u64>) -> io::Result<Option<Head>> {
        let Some(head) = self.plausible(offset, &positions)? else {
            return Ok(None);
        };
        let whole = head.matches(self.window(offset, head.disk_bytes())?);
        Ok(whole.then_some(head))
    }

    /// The bytes at `offset`: `length` of them, or what there is before the end.
    fn window(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let length = (length as u64).min(self.end.saturating_sub(offset)) as usize;
        let from = offset.checked_sub(self.buffer_at).map_or(usize::MAX, |from| from as usize);
        if from.checked_add(length).is_none_or(|to| to > self.buffer.len()) {
            self.fill(offset, length)?;
        }
        let from = (offset - self.buffer_at) as usize;
        let to = (from + length).min(self.buffer.len());
        Ok(self.buffer.get(from..to).unwrap_or_default())
    }

    fn fill(&mut self, offset: u64, length: usize) -> io::Result<()> {
        let wanted = (length.max(CHUNK) as u64).min(self.end.saturating_sub(offset)) as usize;
        self.buffer.clear();
        self.buffer.resize(wanted, 0);
        self.buffer_at = offset;
        let mut filled = 0;
        while filled < wanted {
            match self.file.read_at(&mut self.buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }
}
