//! The writer's few operations on files, in one place so that tests can make each of them fail.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

#[derive(Debug, Default)]
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
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(temporary, path)?;
        path.parent().map_or(Ok(()), sync_dir)?;
        Ok(file)
    }

    pub(super) fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(test)]
        if let Err(error) = self.faults.write.check() {
            file.write_all_at(&bytes[..bytes.len() / 2], offset)?;
            return Err(error);
        }
        file.write_all_at(bytes, offset)
    }

    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        #[cfg(test)]
        self.faults.sync.check()?;
        file.sync_data()
    }

    pub(super) fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        #[cfg(test)]
        self.faults.truncate.check()?;
        file.set_len(length)
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

pub(super) const TEMPORARY: &str = "tmp";

fn temporary(path: &Path) -> PathBuf {
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
