//! Writing a segment anew: beside the old file, made durable, and then given its name. So a crash leaves the one or the other, whole.
//! Readers that have the old file open finish on it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::disk::{Disk, temporary};
use super::record::{Record, encode};
use super::scan::Found;
use super::segment::{Segment, header};
use super::shared::Shared;

/// Bytes that are put together before they are written.
const CHUNK: usize = 1 << 20;

/// A segment that is being written anew.
pub(super) struct Copy<'d> {
    disk: &'d Disk,
    path: PathBuf,
    from: File,
    file: File,
    segment: Segment,
    buffer: Vec<u8>,
    /// Where the buffer begins.
    written: u64,
}

/// Gives the segment, which ends before the position `until`, another file; `put` takes over what is found in the old one. For
/// whoever has [`Shared::deleting`].
pub(super) fn write_anew(
    disk: &Disk,
    shared: &Shared,
    old: &Segment,
    until: u64,
    put: impl FnMut(&mut Copy<'_>, Found) -> io::Result<()>,
) -> io::Result<()> {
    let written = write(disk, shared, old, until, put);
    if written.is_err() {
        // The next attempt makes it anew, and the next start removes it.
        let _ = fs::remove_file(temporary(&old.path));
    }
    written
}

fn write(
    disk: &Disk,
    shared: &Shared,
    old: &Segment,
    until: u64,
    mut put: impl FnMut(&mut Copy<'_>, Found) -> io::Result<()>,
) -> io::Result<()> {
    let mut copy = Copy::begin(disk, shared, old)?;
    let mut scanner = old.scan(old.first, until)?;
    while let Some(found) = scanner.next()? {
        put(&mut copy, found)?;
    }
    copy.finish(shared, old)
}

impl<'d> Copy<'d> {
    fn begin(disk: &'d Disk, shared: &Shared, old: &Segment) -> io::Result<Self> {
        let path = temporary(&old.path);
        let from = File::open(&old.path)?;
        let file = disk.make(&path)?;
        let segment = Segment::new(&shared.dir, old.first, 0);
        Ok(Copy { disk, path, from, file, segment, buffer: header().to_vec(), written: 0 })
    }

    /// The old file.
    pub(super) fn from(&self) -> &File {
        &self.from
    }

    fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub(super) fn push(&mut self, record: &Record) -> io::Result<()> {
        self.segment.note(record.position, record.received_at_ms, self.end());
        encode(record, &mut self.buffer);
        self.flush(CHUNK)
    }

    pub(super) fn push_damage(&mut self, mut offset: u64, end: u64, wipe: bool) -> io::Result<()> {
        // It was reported, and is the same.
        self.segment.note_damage(self.end());
        while offset < end {
            let (start, length) = (self.buffer.len(), (end - offset).min(CHUNK as u64) as usize);
            self.buffer.resize(start + length, 0);
            if !wipe {
                self.from.read_exact_at(&mut self.buffer[start..], offset)?;
            }
            offset += length as u64;
            self.flush(CHUNK)?;
        }
        Ok(())
    }

    fn flush(&mut self, from: usize) -> io::Result<()> {
        if self.buffer.len() >= from {
            self.disk.write_at(&self.file, &self.buffer, self.written)?;
            self.written = self.end();
            self.buffer.clear();
        }
        Ok(())
    }

    fn finish(mut self, shared: &Shared, old: &Segment) -> io::Result<()> {
        self.flush(1)?;
        self.disk.sync(&self.file)?;
        let before = fs::metadata(&old.path)?.len();
        self.segment.set_visible(self.written);
        let (disk, path, written) = (self.disk, self.path, self.written);
        shared.replace(old, self.segment, || disk.rename(&path, &old.path))?;
        let bytes = |all: u64| Some(all.saturating_sub(before).saturating_add(written));
        let _ = shared.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, bytes);
        disk.sync_names(&shared.dir)
    }
}
