//! The writer's few operations on files, in one place so that tests can make each of them fail.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) faults: std::sync::Arc<Faults>,
}

impl Disk {
    /// A new file at `path` with `content`, durable, or nothing. It takes the place of an
    /// empty segment of the same name.
    pub(super) fn create(&self, path: &Path, content: &[u8]) -> io::Result<File> {
        #[cfg(test)]
        self.faults.create.check()?;
        let temporary = temporary(path);
        let made = self.create_as(&temporary, path, content);
        if made.is_err() {
            // The next attempt makes it anew, and the next start removes it.
            let _ = fs::remove_file(&temporary);
        }
        made
    }

    fn create_as(&self, temporary: &Path, path: &Path, content: &[u8]) -> io::Result<File> {
        let mut file = self.make(temporary)?;
        file.write_all(content)?;
        #[cfg(test)]
        self.faults.trace(|| Step::Write(name(temporary), 0, content.to_vec()));
        file.sync_all()?;
        #[cfg(test)]
        self.faults.trace(|| Step::Sync(name(temporary)));
        self.put(temporary, path)?;
        Ok(file)
    }

    /// Gives a whole file the name that it is known by, durably.
    pub(super) fn put(&self, from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(test)]
        self.faults.create.check()?;
        self.rename(from, to)?;
        to.parent().map_or(Ok(()), |dir| self.sync_names(dir))
    }

    /// An empty file, in the place of one that is there.
    pub(super) fn make(&self, path: &Path) -> io::Result<File> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        #[cfg(test)]
        self.faults.trace(|| Step::Make(name(path)));
        Ok(file)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        #[cfg(test)]
        self.faults.trace(|| Step::Rename(name(from), name(to)));
        Ok(())
    }

    /// Makes the names in a directory durable.
    pub(super) fn sync_names(&self, dir: &Path) -> io::Result<()> {
        sync_dir(dir)?;
        #[cfg(test)]
        self.faults.trace(|| Step::SyncNames);
        Ok(())
    }

    pub(super) fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Err(error) = self.faults.write.check() {
            let half = &bytes[..bytes.len() / 2];
            file.write_all_at(half, offset)?;
            self.faults.trace(|| Step::Write(name_of(file), offset, half.to_vec()));
            return Err(error);
        }
        file.write_all_at(bytes, offset)?;
        #[cfg(test)]
        self.faults.trace(|| Step::Write(name_of(file), offset, bytes.to_vec()));
        Ok(())
    }

    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        self.faults.sync.check()?;
        file.sync_data()?;
        #[cfg(test)]
        self.faults.trace(|| Step::Sync(name_of(file)));
        Ok(())
    }

    pub(super) fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.truncate.check()?;
        file.set_len(length)?;
        #[cfg(test)]
        self.faults.trace(|| Step::Truncate(name_of(file), length));
        Ok(())
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

pub(super) const TEMPORARY: &str = "tmp";

pub(super) fn temporary(path: &Path) -> PathBuf {
    path.with_extension(TEMPORARY)
}

/// Which operations fail, with what a full disk says.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(super) create: Fault,
    /// Half of it is written, then it fails.
    pub(super) write: Fault,
    pub(super) sync: Fault,
    pub(super) truncate: Fault,
    /// What was done, where a test asks for it.
    pub(super) trace: std::sync::Mutex<Option<Vec<Step>>>,
}

/// One thing that was done to a directory's files, by their names in it.
#[cfg(test)]
#[derive(Clone, Debug)]
pub(super) enum Step {
    Make(String),
    Write(String, u64, Vec<u8>),
    Truncate(String, u64),
    /// A file's content is durable.
    Sync(String),
    Rename(String, String),
    /// The names are durable.
    SyncNames,
    /// A test's own mark: so many records were answered, and so many of them with everything before being synced.
    Answered {
        records: usize,
        synced: usize,
    },
}

#[cfg(test)]
impl Faults {
    pub(super) fn trace(&self, step: impl FnOnce() -> Step) {
        if let Some(steps) = &mut *super::shared::lock(&self.trace) {
            steps.push(step());
        }
    }
}

#[cfg(test)]
fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The present name of an open file.
#[cfg(test)]
fn name_of(file: &File) -> String {
    use std::os::fd::AsRawFd;
    name(&fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap_or_default())
}

#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct Fault(std::sync::atomic::AtomicBool);

#[cfg(test)]
impl Fault {
    pub(super) fn set(&self, failing: bool) {
        self.0.store(failing, std::sync::atomic::Ordering::SeqCst);
    }

    fn check(&self) -> io::Result<()> {
        if self.0.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}
