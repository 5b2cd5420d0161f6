//! Durable, append-only logs: the journal of accepted events, the outcomes, the dead letters.
//!
//! One mechanism, used three times. An append is acknowledged once it is durable ([`Durability`]);
//! appends that wait at the same moment share one write and one fsync. Every tag reads the
//! journal with its own [`Cursor`].
//!
//! # Layout of a log's directory
//! ```text
//! lock                          held while a process uses the directory; holds its process id
//! 00000000000000000001.log      a segment, named by the first position it can hold (20 digits)
//! 00000000000000104858.log      the last one is written to; the ones before it are sealed
//! corrupt/<segment>-<offset>    bytes that fail their checksum, as they were found
//! *.tmp                         a segment being made; removed at the next start
//! ```
//! A segment is a header and records, all numbers little-endian:
//! ```text
//! header   magic "tagyardL" | version u32 | crc32c u32 of the 12 bytes before it
//! record   length u32 | crc32c u32 | position u64 | received at i64 (ms since 1970) | key 16 bytes | payload
//! ```
//! `length` counts the payload; the checksum covers everything in the record but itself.
//! Behind the last record of the last segment there may be zeros, which were prepared for the next ones (`prepared.rs`).
//!
//! Positions begin at 1 and are consecutive, except after damage: what is torn off the end of
//! the log does not have its positions used again, since a tag may have seen them. A reader
//! therefore takes a missing position as a record that does not exist. A segment's records end
//! where the next segment begins: anything at or after that position is a left-over of an append
//! that failed.
//!
//! A record that was removed (`rewrite.rs`) keeps its place, with a payload that says so and nothing else. Its segment is written
//! anew (`copy.rs`).

mod again;
mod aside;
mod bounds;
mod copy;
mod cursor;
mod cursor_file;
mod cursors;
mod dedupe;
mod disk;
mod doubtful;
mod error;
mod events;
mod gathering;
mod group;
mod index;
mod lock;
mod log;
mod options;
mod pace;
mod prepared;
mod ranges;
mod read;
mod record;
mod recover;
mod retain;
mod rewrite;
mod scan;
mod seek;
mod segment;
mod shared;
mod tail;
#[cfg(test)]
mod tests;
mod traces;
mod writer;

pub use again::MAX_AGAIN_PIECES;
pub use aside::Damage;
pub use cursor::{Begin, Cursor, MAX_UNFINISHED};
pub use cursor_file::{CursorFile, CursorFileError, Loaded, Origin};
pub use cursors::{Cursors, Finished};
pub use dedupe::DEDUPE_KEYS;
pub use error::{AppendError, OpenError, ReadError, StorageFault};
pub use events::{EventJournal, Journal};
pub use lock::DirLock;
pub use log::{Appended, LARGE_APPEND_BYTES, Log, Stats};
pub use options::{Durability, Options, SEGMENT_AGE, SEGMENT_BYTES};
pub use ranges::Ranges;
pub use read::ReadLimit;
pub use record::{Key, MAX_PAYLOAD_BYTES, NewRecord, Record};
pub use recover::Recovery;
pub use retain::Retain;
pub use rewrite::{Rewrite, RewriteError, Rewritten, Veil};
pub use traces::Traces;
