//! Damaged bytes, kept where a person finds them.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::segment::Segment;

/// The most that is kept aside in a log's directory: a dying disk must not fill itself with copies
/// of its own damage.
const MAX_KEPT_BYTES: u64 = 256 << 20;
const MAX_KEPT_FILES: u64 = 1024;

const CHUNK: u64 = 64 * 1024;

/// What `corrupt/` holds; counted when it is needed for the first time.
#[derive(Debug, Default)]
pub(super) struct Aside {
    held: Option<(u64, u64)>,
}

/// Bytes of a segment in which no whole record was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub segment: PathBuf,
    pub offset: u64,
    pub bytes: u64,
    /// Where a copy of them is; `None` when there was no room for it.
    pub kept: Option<PathBuf>,
}

impl Aside {
    /// Copies a damaged part of a segment into `corrupt/`.
    pub(super) fn keep(&mut self, dir: &Path, segment: &Segment, offset: u64, end: u64) -> Damage {
        let bytes = end - offset;
        let kept = self.copy(dir, segment, offset, end).inspect_err(|error| {
            tracing::warn!(segment = %segment.path.display(), offset, %error, "could not keep damaged bytes aside");
        });
        Damage { segment: segment.path.clone(), offset, bytes, kept: kept.ok() }
    }

    /// Deletes the copies that are older than this: what they are of is let go at that age too.
    pub(super) fn let_go(&mut self, dir: &Path, max_age: Duration) -> io::Result<()> {
        let entries = match fs::read_dir(dir.join("corrupt")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            // A clock that was set back makes nothing old.
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if age > max_age {
                fs::remove_file(entry.path())?;
                self.held = None;
            }
        }
        Ok(())
    }

    fn copy(&mut self, dir: &Path, segment: &Segment, offset: u64, end: u64) -> io::Result<PathBuf> {
        let corrupt = dir.join("corrupt");
        fs::create_dir_all(&corrupt)?;
        let path = corrupt.join(format!("{:020}-{offset}", segment.first));
        if path.exists() {
            return Ok(path);
        }
        let (files, bytes) = match self.held {
            Some(held) => held,
            None => holds(&corrupt)?,
        };
        let after = (files + 1, bytes.saturating_add(end - offset));
        if after.0 > MAX_KEPT_FILES || after.1 > MAX_KEPT_BYTES {
            return Err(io::Error::other(format!("{} holds as much as it may", corrupt.display())));
        }
        copy_range(&File::open(&segment.path)?, offset, end, &path).inspect_err(|_| {
            let _ = fs::remove_file(&path);
        })?;
        self.held = Some(after);
        Ok(path)
    }
}

fn copy_range(from: &File, mut offset: u64, end: u64, path: &Path) -> io::Result<()> {
    let to = File::create(path)?;
    let mut written = 0;
    let mut buffer = vec![0; CHUNK as usize];
    while offset < end {
        let wanted = CHUNK.min(end - offset) as usize;
        let read = from.read_at(&mut buffer[..wanted], offset)?;
        if read == 0 {
            break;
        }
        to.write_all_at(&buffer[..read], written)?;
        offset += read as u64;
        written += read as u64;
    }
    to.sync_all()
}

fn holds(dir: &Path) -> io::Result<(u64, u64)> {
    fs::read_dir(dir)?.try_fold((0, 0), |(files, bytes), entry| Ok((files + 1, bytes + entry?.metadata()?.len())))
}
