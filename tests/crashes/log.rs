//! Reads a log of the host's data directory as it grows, by the format that `journal/mod.rs` of the host describes, with no code
//! of the host: it must neither mend anything nor make the same mistake.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

const HEADER: usize = 16;
const HEAD: usize = 40;

pub(crate) struct Log {
    folder: PathBuf,
    /// How far each segment was read.
    read: HashMap<String, u64>,
}

impl Log {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Log { folder, read: HashMap::new() }
    }

    /// The whole records that have come since the last call, with their positions.
    pub(crate) fn more(&mut self) -> Vec<(u64, Vec<u8>)> {
        let mut segments: Vec<String> = match fs::read_dir(&self.folder) {
            Ok(entries) => entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect(),
            Err(_) => return Vec::new(),
        };
        segments.retain(|name| name.ends_with(".log"));
        segments.sort();
        let mut records = Vec::new();
        for segment in segments {
            let from = self.read.entry(segment.clone()).or_insert(HEADER as u64);
            let mut bytes = Vec::new();
            let mut file = File::open(self.folder.join(&segment)).expect("a segment");
            file.seek(SeekFrom::Start(*from)).expect("a place in it");
            file.read_to_end(&mut bytes).expect("its bytes");
            let mut rest = &bytes[..];
            while let Some((position, payload, length)) = whole(rest) {
                records.push((position, payload.to_vec()));
                rest = &rest[length..];
                *from += length as u64;
            }
        }
        records
    }
}

/// The record that the bytes begin with, if it is there as a whole.
fn whole(bytes: &[u8]) -> Option<(u64, &[u8], usize)> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let length = HEAD + number(0)? as usize;
    let record = bytes.get(..length)?;
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..]);
    let position = u64::from_le_bytes(record[8..16].try_into().ok()?);
    (checksum == number(4)?).then(|| (position, &record[HEAD..], length))
}
