//! Opening a log: what the last process left, mended at its end.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::aside::Damage;
use super::bounds::Bounds;
use super::dedupe::{Dedupe, REMEMBERED_MS};
use super::disk::{Disk, TEMPORARY};
use super::doubtful::Doubtful;
use super::error::{OpenError, StorageFault, fault};
use super::lock::DirLock;
use super::options::{Durability, Options};
use super::pace::Pace;
use super::prepared::Preparing;
use super::record::{HEAD_BYTES, MAX_PAYLOAD_BYTES, MAX_POSITION};
use super::scan::Found;
use super::segment::{self, Segment};
use super::shared::Shared;
use super::tail::Tail;
use super::writer::{Active, Writer, now_ms};

/// The damage that is listed one by one.
const LISTED: usize = 100;

/// What was found while opening; all of it has been logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    pub segments: usize,
    /// The next record's position.
    pub next: u64,
    /// What was cut off at the end: a write that a crash interrupted, so nothing that was acknowledged,
    /// unless the disk lost it.
    pub torn: Option<Damage>,
    /// The first hundred damaged places among those looked at: the last segment and, for
    /// de-duplication, the last day's.
    pub damaged: Vec<Damage>,
}

pub(super) fn open(dir: &Path, options: Options) -> Result<(Writer, Recovery), OpenError> {
    let lock = DirLock::acquire(dir)?;
    remove_unfinished(dir).map_err(fault("clean up", dir))?;
    let found = segment::list(dir).map_err(fault("list", dir))?;
    let bytes = found.iter().map(|(_, length)| length).sum();
    let segments: Vec<_> = found.iter().map(|(first, length)| Arc::new(Segment::new(dir, *first, *length))).collect();
    let mut recovery = Recovery { segments: segments.len(), next: 1, ..Recovery::default() };
    let tail = Tail::new(1, options.tail_records, options.tail_bytes);
    let age_ms = i64::try_from(options.segment_age.as_millis()).unwrap_or(i64::MAX);
    let bounds = Bounds::new(options.max_bytes, options.segment_bytes);
    let shared = Shared::new(dir.to_owned(), segments, tail, bounds, age_ms);
    shared.bytes.store(bytes, Ordering::Relaxed);
    let disk = Disk {
        #[cfg(test)]
        faults: options.faults.clone(),
    };

    let last = shared.segments().last().cloned();
    let end = match last {
        Some(last) => inspect(&shared, &disk, last, options.durability, &mut recovery)?,
        None => End::Sealed,
    };
    let follows = recovery.next;
    recovery.next = follows.max(options.next_at_least).min(MAX_POSITION);
    *super::shared::lock(&shared.tail) = Tail::new(recovery.next, options.tail_records, options.tail_bytes);
    shared.durable.send_replace(recovery.next - 1);
    let dedupe = match options.dedupe {
        true => Some(remembered(&shared, options.dedupe_keys, &mut recovery)?),
        false => None,
    };
    let preparing = (options.durability == Durability::Fsync).then(|| Preparing::new(disk.clone(), dir));
    let mut writer = Writer {
        disk,
        preparing,
        shared: Arc::new(shared),
        options,
        dedupe,
        active: None,
        next: recovery.next,
        unsynced: None,
        doubtful: Doubtful::default(),
        company: 0,
        pace: Pace::default(),
        _lock: lock,
    };
    match end {
        End::Whole(active) if recovery.next == follows => writer.active = Some(active),
        End::Torn(file, segment) => cut(&mut writer, &file, &segment),
        // Its positions do not go on to where the next segment begins: what is behind them must not look as if something were lost.
        End::Whole(active) => writer.trim(&active),
        End::Sealed => {}
    }
    Ok((writer, recovery))
}

fn remove_unfinished(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == TEMPORARY) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// What the last segment ends with.
enum End {
    /// A whole record, or the header: it can be written on.
    Whole(Active),
    /// Something else, behind what its readers see; a copy is kept aside.
    Torn(File, Arc<Segment>),
    /// It is not written to any more.
    Sealed,
}

/// Looks through the last segment, and makes durable what readers are about to see.
fn inspect(
    shared: &Shared,
    disk: &Disk,
    last: Arc<Segment>,
    durability: Durability,
    recovery: &mut Recovery,
) -> Result<End, OpenError> {
    let header_is_whole = segment::check_header(&last.path)?;
    let read = |error: io::Error| StorageFault::new("read", &last.path, &error);
    let found = last.visible();
    // Zeros at its end were prepared for it: all that was shown to a reader was durable before, so nothing of it can have become zeros.
    // Where records are shown before that, they may be what is left of some.
    let written = match durability {
        Durability::Fsync => segment::written(&last.path, found).map_err(read)?,
        Durability::Flushed => found,
    };
    // A record that begins in what was written may itself end with zeros.
    let length = found.min(written.saturating_add((HEAD_BYTES + MAX_PAYLOAD_BYTES) as u64));
    last.set_visible(length);
    let mut scanner = last.scan(last.first, u64::MAX).map_err(read)?;
    let mut torn_at = None;
    while scanner.offset() < written
        && let Some(found) = scanner.next().map_err(read)?
    {
        match found {
            Found::Record { offset, record } => last.note(record.position, record.received_at_ms, offset),
            Found::Damage { offset, end } if end == length => torn_at = Some(offset),
            Found::Damage { offset, end } => recovery.list(shared.report_damage(&last, offset, end)),
        }
    }
    recovery.next = scanner.expected();
    if let Some(offset) = torn_at {
        // Had the disk lost whole records, tags may have seen their positions.
        recovery.next += (written - offset) / HEAD_BYTES as u64 + 1;
        recovery.torn = shared.report_damage(&last, offset, written);
    }
    let end = torn_at.unwrap_or(scanner.offset()).min(found);
    last.set_visible(end);
    let Ok(file) = File::options().read(true).write(true).open(&last.path) else {
        // Read-only: what is there is read, and appends say what is wrong.
        return Ok(End::Sealed);
    };
    // It may be from a process that was killed before its fsync.
    disk.sync(&file).map_err(fault("sync", &last.path))?;
    Ok(match torn_at {
        None => {
            shared.bytes.fetch_sub(found - end, Ordering::Relaxed);
            if header_is_whole {
                End::Whole(Active { file, segment: last, length: end })
            } else {
                let _ = disk.truncate(&file, end);
                End::Sealed
            }
        }
        // Without a copy it stays where it is, and the next start finds it again.
        Some(_) if recovery.torn.as_ref().is_some_and(|torn| torn.kept.is_some()) => End::Torn(file, last),
        _ => End::Sealed,
    })
}

/// Cuts off the torn end. The next segment is begun first: its name is what remembers the positions not to be
/// used again. Should it fail, the end stays as it is, out of the readers' sight, until the next start.
fn cut(writer: &mut Writer, file: &File, segment: &Segment) {
    writer.active = writer.ready().ok();
    let offset = segment.visible();
    if let Some(torn) = file.metadata().ok().and_then(|file| file.len().checked_sub(offset))
        && writer.active.is_some()
        && writer.disk.truncate(file, offset).is_ok()
    {
        writer.shared.bytes.fetch_sub(torn, Ordering::Relaxed);
    }
}

/// The keys of the last 24 hours.
fn remembered(shared: &Shared, keys: usize, recovery: &mut Recovery) -> Result<Dedupe, StorageFault> {
    let mut dedupe = Dedupe::new(keys);
    let since_ms = now_ms().saturating_sub(REMEMBERED_MS);
    let segments = shared.segments();
    let older = |segment: &Arc<Segment>| segment.first_at().is_some_and(|at| at < since_ms);
    let start = segments.iter().rposition(older).unwrap_or(0);
    for (at, segment) in segments.iter().enumerate().skip(start) {
        let until = segments.get(at + 1).map_or(u64::MAX, |next| next.first);
        let read = |error: io::Error| StorageFault::new("read", &segment.path, &error);
        let mut scanner = segment.scan(segment.first, until).map_err(read)?;
        while let Some(found) = scanner.next().map_err(read)? {
            match found {
                Found::Record { record, .. } if record.received_at_ms >= since_ms => dedupe.remember(&record),
                Found::Record { .. } => {}
                Found::Damage { offset, end } => recovery.list(shared.report_damage(segment, offset, end)),
            }
        }
    }
    Ok(dedupe)
}

impl Recovery {
    /// Whether everything looked at was as it was written.
    pub fn is_clean(&self) -> bool {
        self.torn.is_none() && self.damaged.is_empty()
    }

    fn list(&mut self, damage: Option<Damage>) {
        if self.damaged.len() < LISTED {
            self.damaged.extend(damage);
        }
    }
}
