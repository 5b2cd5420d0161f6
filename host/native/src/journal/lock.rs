//! One process a directory.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use super::error::{OpenError, StorageFault, fault};

/// Held while a process uses a directory; freed when dropped, and by the system however the process ends.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Makes the directory if it is missing.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another process holds it.
    pub fn acquire(dir: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(dir).map_err(fault("make the directory", dir))?;
        let path = dir.join("lock");
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fault("open the lock", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { dir: dir.to_owned(), pid: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(StorageFault::new("lock", &path, &error).into()),
        }
        // Only for the other process's message: a full disk must not keep the host from starting.
        let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut pid = String::new();
    #[expect(clippy::disallowed_methods, reason = "bounded by `take`")]
    file.take(16).read_to_string(&mut pid).ok()?;
    pid.trim().parse().ok()
}
