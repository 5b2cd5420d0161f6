#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod again;
mod appends;
mod crashes;
mod cursors;
mod damage;
mod faults;
mod files;
mod model;
mod prepared;
mod retention;
mod rewrite;
mod seek;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::segment;
use super::*;

const EVERYTHING: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

/// A log that reads from disk only, and begins a new segment every few records.
fn on_disk() -> Options {
    Options { segment_bytes: 600, tail_records: 0, dedupe: true, ..Options::default() }
}

fn open(dir: &Path, options: &Options) -> (Log, Recovery) {
    Log::open(dir, options.clone()).unwrap()
}

fn record(id: &str, bytes: usize) -> NewRecord {
    let payload = Bytes::from(id.bytes().cycle().take(bytes).collect::<Vec<_>>());
    NewRecord { received_at_ms: writer::now_ms(), key: Key::of("shop", id), payload }
}

fn records(ids: impl IntoIterator<Item = u64>) -> Vec<NewRecord> {
    ids.into_iter().map(|id| record(&id.to_string(), 100)).collect()
}

/// In memory where there is such a place: these tests cut files themselves and need no disk's fsync.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

async fn all(log: &Log) -> Vec<Arc<Record>> {
    log.read_from(1, EVERYTHING).await.unwrap()
}

async fn positions(log: &Log) -> Vec<u64> {
    all(log).await.iter().map(|record| record.position).collect()
}

/// The segments' files, in order.
fn files(dir: &Path) -> Vec<PathBuf> {
    let listed = segment::list(dir).unwrap();
    listed.into_iter().map(|(first, _)| dir.join(format!("{first:020}.log"))).collect()
}
