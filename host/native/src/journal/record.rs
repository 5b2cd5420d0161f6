//! A record and its bytes on disk.

use bytes::Bytes;

/// The most a payload may hold. An event is 32 KB at most; a dead letter keeps a whole vendor
/// request, and the largest batch a vendor takes is 10 MB. Also what keeps a corrupt length from
/// asking for gigabytes.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// Bytes of a record before its payload.
pub(super) const HEAD_BYTES: usize = 40;

/// What lies in the place of a payload that was removed. No other payload is like it: those of all logs are JSON.
pub(super) const REMOVED: Bytes = Bytes::from_static(b"\0removed");

/// Positions stay far below the end of `u64`, so that adding to one read from a file cannot overflow.
pub(super) const MAX_POSITION: u64 = 1 << 62;

/// Identifies what a record is about, for de-duplication; made with [`Key::of`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key(pub [u8; 16]);

impl Key {
    /// Never equal to another record's: such a record is never a duplicate.
    pub const NONE: Self = Self([0; 16]);
}

/// What is appended; the log gives it its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// When the host received it, in milliseconds since 1970.
    pub received_at_ms: i64,
    pub key: Key,
    /// Kept in memory while it is near the head, so not a slice of a much larger buffer.
    pub payload: Bytes,
}

/// A durable record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub position: u64,
    /// When the host received it, in milliseconds since 1970.
    pub received_at_ms: i64,
    pub key: Key,
    pub payload: Bytes,
}

impl Record {
    /// Whether its payload was removed. Its position, its time and its key are still what they were.
    pub fn is_removed(&self) -> bool {
        self.payload == REMOVED
    }

    /// Bytes on disk.
    pub(super) fn disk_bytes(&self) -> usize {
        HEAD_BYTES + self.payload.len()
    }
}

/// Appends the record's bytes to `out`. The payload has been checked against [`MAX_PAYLOAD_BYTES`].
pub(super) fn encode(record: &Record, out: &mut Vec<u8>) {
    let length = (record.payload.len() as u32).to_le_bytes();
    let start = out.len();
    out.extend_from_slice(&length);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&record.position.to_le_bytes());
    out.extend_from_slice(&record.received_at_ms.to_le_bytes());
    out.extend_from_slice(&record.key.0);
    out.extend_from_slice(&record.payload);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), &out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// The fixed part of a record, as read; nothing in it is to be believed before [`Head::matches`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) position: u64,
    crc: u32,
}

impl Head {
    /// `None` for less than [`HEAD_BYTES`] bytes.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            length: u32::from_le_bytes(array(bytes, 0)?) as usize,
            crc: u32::from_le_bytes(array(bytes, 4)?),
            position: u64::from_le_bytes(array(bytes, 8)?),
        })
        .filter(|_| bytes.len() >= HEAD_BYTES)
    }

    pub(super) fn disk_bytes(&self) -> usize {
        HEAD_BYTES + self.length
    }

    /// Whether `bytes`, the whole record, are what was written.
    pub(super) fn matches(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.disk_bytes() && crc32c::crc32c_append(crc32c::crc32c(&bytes[..4]), &bytes[8..]) == self.crc
    }
}

/// The record in `bytes`, which [`Head::matches`]; `None` for fewer bytes than a record has.
pub(super) fn decode(bytes: &[u8]) -> Option<Record> {
    Some(Record {
        position: u64::from_le_bytes(array(bytes, 8)?),
        received_at_ms: i64::from_le_bytes(array(bytes, 16)?),
        key: Key(array(bytes, 24)?),
        payload: Bytes::copy_from_slice(bytes.get(HEAD_BYTES..)?),
    })
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}
