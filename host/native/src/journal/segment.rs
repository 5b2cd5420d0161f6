//! A segment: its name, its header, and what is known of it in memory.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use super::error::{OpenError, fault};
use super::index::SparseIndex;
use super::record::MAX_POSITION;
use super::scan::{Found, Scanner};
use super::shared::lock;

pub(super) const HEADER_BYTES: u64 = 16;

/// What a scan fails with that began too late.
pub(super) const REPLACED: io::ErrorKind = io::ErrorKind::StaleNetworkFileHandle;

/// Bytes looked through at once.
const CHUNK: u64 = 1 << 20;

const MAGIC: &[u8; 8] = b"tagyardL";
const VERSION: u32 = 1;

#[derive(Debug)]
pub(super) struct Segment {
    /// The first position it can hold.
    pub(super) first: u64,
    pub(super) path: PathBuf,
    /// Readers see what lies before this offset; behind it nothing is durable yet.
    visible: AtomicU64,
    index: Mutex<SparseIndex>,
    /// Whether another file has its name by now.
    replaced: AtomicBool,
    first_at: OnceLock<i64>,
    /// Offsets of the damage that has been reported.
    damage: Mutex<BTreeSet<u64>>,
}

impl Segment {
    pub(super) fn new(dir: &Path, first: u64, visible: u64) -> Self {
        Self {
            first,
            path: dir.join(format!("{first:020}.log")),
            visible: AtomicU64::new(visible),
            index: Mutex::new(SparseIndex::new(first, HEADER_BYTES)),
            replaced: AtomicBool::new(false),
            first_at: OnceLock::new(),
            damage: Mutex::default(),
        }
    }

    pub(super) fn visible(&self) -> u64 {
        self.visible.load(Ordering::Acquire)
    }

    pub(super) fn set_visible(&self, offset: u64) {
        self.visible.store(offset, Ordering::Release);
    }

    pub(super) fn note(&self, position: u64, received_at_ms: i64, offset: u64) {
        if offset == HEADER_BYTES {
            let _ = self.first_at.set(received_at_ms);
        }
        lock(&self.index).note(position, offset);
    }

    /// Reads the records from `position` on, or a little before it. Fails with [`REPLACED`] where another file has its name: the
    /// log's list has the segment of that one.
    pub(super) fn scan(&self, position: u64, until: u64) -> io::Result<Scanner> {
        // Held until the file is open: offsets and file belong together.
        let index = lock(&self.index);
        if self.is_replaced() {
            return Err(REPLACED.into());
        }
        let file = File::open(&self.path)?;
        let (expected, offset) = index.seek(position).unwrap_or((self.first, HEADER_BYTES));
        Ok(Scanner::new(file, offset, self.visible(), expected, until))
    }

    /// Gives another file its name. Who reads it already goes on with the old file.
    pub(super) fn replace(&self, rename: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let _index = lock(&self.index);
        rename()?;
        self.replaced.store(true, Ordering::Release);
        Ok(())
    }

    pub(super) fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Acquire)
    }

    /// Whether any of it was found damaged.
    pub(super) fn is_damaged(&self) -> bool {
        !lock(&self.damage).is_empty()
    }

    /// When its first readable record was received; `None` when there is none.
    pub(super) fn first_at(&self) -> Option<i64> {
        if let Some(at) = self.first_at.get() {
            return Some(*at);
        }
        let mut scanner = self.scan(self.first, u64::MAX).ok()?;
        while let Some(found) = scanner.next().ok()? {
            if let Found::Record { record, .. } = found {
                return Some(*self.first_at.get_or_init(|| record.received_at_ms));
            }
        }
        None
    }

    /// Whether this damage is news.
    pub(super) fn note_damage(&self, offset: u64) -> bool {
        lock(&self.damage).insert(offset)
    }
}

pub(super) fn header() -> [u8; HEADER_BYTES as usize] {
    let mut header = [0; HEADER_BYTES as usize];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32c::crc32c(&header[..12]);
    header[12..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// Whether the file begins with a header that is whole. The records behind a damaged one
/// carry their own checksums and are read all the same.
///
/// # Errors
/// [`OpenError::Newer`] for a header that is whole and of another version.
pub(super) fn check_header(path: &Path) -> Result<bool, OpenError> {
    let mut found = [0; HEADER_BYTES as usize];
    let read = File::open(path).and_then(|file| file.read_exact_at(&mut found, 0));
    match read {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        other => other.map_err(fault("read", path))?,
    }
    let [m @ .., v0, v1, v2, v3, c0, c1, c2, c3] = found;
    if m != *MAGIC || crc32c::crc32c(&found[..12]) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Ok(false);
    }
    match u32::from_le_bytes([v0, v1, v2, v3]) {
        VERSION => Ok(true),
        version => Err(OpenError::Newer { path: path.to_owned(), found: version, known: VERSION }),
    }
}

/// The offset behind the last byte that is not zero, of so many.
pub(super) fn written(path: &Path, length: u64) -> io::Result<u64> {
    let file = File::open(path)?;
    let (mut end, mut chunk) = (length, vec![0; CHUNK as usize]);
    while end > 0 {
        let from = end.saturating_sub(CHUNK);
        let chunk = &mut chunk[..(end - from) as usize];
        file.read_exact_at(chunk, from)?;
        if let Some(last) = chunk.iter().rposition(|byte| *byte != 0) {
            return Ok(from + last as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

/// The first position and the length of each segment in the directory, in order.
pub(super) fn list(dir: &Path) -> io::Result<Vec<(u64, u64)>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if let Some(first) = entry.file_name().to_str().and_then(first_position) {
            segments.push((first, entry.metadata()?.len()));
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

fn first_position(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let plain = digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit());
    let first = plain.then(|| digits.parse().ok()).flatten()?;
    (1..MAX_POSITION).contains(&first).then_some(first)
}
