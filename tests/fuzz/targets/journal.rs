//! The journal's reader on any content of its files: it opens, it returns nothing but records whose checksum stands in the files, and
//! what is appended then is read again, now and after another start.
//!
//! Chance makes no checksum, so the input is a list of pieces, each a tag and a length: bytes as they are, whole records with the
//! next position or another one, segments.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the host uses more of these parts")]

#[path = "../../../host/native/src/journal/mod.rs"]
mod journal;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use journal::{Key, Log, NewRecord, Options, ReadLimit, Record};
use libfuzzer_sys::fuzz_target;

const SEGMENTS: usize = 6;

fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
    let segments = segments(data);
    for (first, content) in &segments {
        fs::write(folder.path().join(format!("{first:020}.log")), content).expect("a segment");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(check(folder.path(), &segments));
});

async fn check(folder: &Path, segments: &BTreeMap<u64, Vec<u8>>) {
    let options = Options { dedupe: true, tail_records: 0, segment_bytes: 4096, ..Options::default() };
    let Ok((log, _)) = Log::open(folder, options.clone()) else { return };
    let found = all(&log).await;
    for (before, after) in found.iter().zip(found.iter().skip(1)) {
        assert!(before.position < after.position);
    }
    for record in &found {
        let bytes = encoded(record.position, record.received_at_ms, record.key, &record.payload);
        let is_there = segments.values().any(|content| content.windows(bytes.len()).any(|part| part == bytes));
        assert!(is_there, "a record at {} that is in no file", record.position);
    }
    let new = NewRecord { received_at_ms: 0, key: Key::NONE, payload: Bytes::from_static(b"new") };
    let appended = log.append(vec![new], true).await.expect("it is appended");
    assert!(found.last().is_none_or(|last| last.position < appended.first), "no position is used twice");
    let with_new = all(&log).await;
    assert_eq!(with_new.len(), found.len() + 1);
    drop(log);
    let (log, _) = Log::open(folder, options).expect("it opens again");
    assert_eq!(all(&log).await, with_new);
}

async fn all(log: &Log) -> Vec<Arc<Record>> {
    let everything = ReadLimit { records: usize::MAX, bytes: usize::MAX };
    log.read_from(1, everything).await.expect("it can be read")
}

/// The files that an input describes, by the first position of each.
fn segments(mut data: &[u8]) -> BTreeMap<u64, Vec<u8>> {
    let mut segments = BTreeMap::new();
    let (mut first, mut position, mut content) = (1, 1, header());
    while let [kind, length, rest @ ..] = data {
        let (piece, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        data = rest;
        match kind % 8 {
            0 => content.extend_from_slice(piece),
            1..=4 => {
                content.extend(encoded(position, i64::from(*kind), Key([*length; 16]), piece));
                position += 1;
            }
            5 => content.extend(encoded(position + u64::from(*length), 0, Key::NONE, piece)),
            6 => {
                let keep = content.len().saturating_sub(usize::from(*length));
                content.truncate(keep);
            }
            _ if segments.len() < SEGMENTS => {
                segments.insert(first, std::mem::replace(&mut content, header()));
                first = position.max(first + 1) + u64::from(*kind / 128);
                position = first;
                // Now and then the header is what follows.
                if *length == 0 {
                    content.clear();
                }
            }
            _ => {}
        }
    }
    segments.insert(first, content);
    segments
}

/// As `journal/mod.rs` describes it.
fn header() -> Vec<u8> {
    let mut header = b"tagyardL\x01\0\0\0".to_vec();
    header.extend(crc32c::crc32c(&header).to_le_bytes());
    header
}

fn encoded(position: u64, received_at_ms: i64, key: Key, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    let mut rest = position.to_le_bytes().to_vec();
    rest.extend(received_at_ms.to_le_bytes());
    rest.extend(key.0);
    rest.extend(payload);
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&length), &rest).to_le_bytes();
    [&length[..], &checksum, &rest].concat()
}
