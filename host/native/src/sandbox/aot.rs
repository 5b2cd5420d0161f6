//! The cache of compiled components, so that a host starts in milliseconds.
//!
//! Loading machine code from a file is trusting whoever can write that file. So the cache is a folder that belongs to this
//! user and that nobody else may enter; its files are named after the component's SHA-256 and everything of the engine that
//! the code depends on.

use std::fs::{self, DirBuilder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

pub(super) struct Cache {
    folder: PathBuf,
    engine: u64,
}

impl Cache {
    /// Opens the cache, making its folder where there is none. One that is not ours alone is not used.
    pub(super) fn open(folder: PathBuf, engine: &Engine) -> Option<Self> {
        if let Err(error) = make_private(&folder) {
            tracing::warn!(folder = %folder.display(), %error, "compiled tags are not cached");
            return None;
        }
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Some(Cache { folder, engine: hasher.finish() })
    }

    pub(super) fn load(&self, engine: &Engine, sha256: &str) -> Option<Component> {
        let path = self.path(sha256);
        if !path.exists() {
            return None;
        }
        // SAFETY: the file was written by `store` below, from this engine's own output: its folder was found to be this
        // user's and closed to everybody else. Wasmtime checks its version and settings besides.
        #[allow(unsafe_code)]
        let component = unsafe { Component::deserialize_file(engine, &path) };
        component.inspect_err(|error| tracing::warn!(%error, "a cached tag is compiled anew")).ok()
    }

    pub(super) fn store(&self, component: &Component, sha256: &str) {
        let stored = component.serialize().map_err(io::Error::other).and_then(|code| {
            // Under a name of its own first: another process may load the same file at this moment.
            let draft = self.folder.join(format!("{sha256}.{}", uuid::Uuid::new_v4()));
            fs::write(&draft, code)?;
            fs::rename(&draft, self.path(sha256))
        });
        if let Err(error) = stored {
            tracing::warn!(%error, "a compiled tag was not cached");
        }
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(format!("{sha256}-{:016x}.cwasm", self.engine))
    }
}

fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let metadata = fs::symlink_metadata(folder)?;
    // A folder's owner could change its mode at any time, so it has to be the user that runs this process.
    let user = fs::metadata("/proc/self")?.uid();
    if !metadata.is_dir() || metadata.uid() != user || metadata.mode() & 0o077 != 0 {
        return Err(io::Error::other("the folder is not this user's alone: it needs mode 0700"));
    }
    Ok(())
}
