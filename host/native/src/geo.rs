//! Databases of addresses, in MaxMind's format: which country, region and city an address is in.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use jiff::Timestamp;
use maxminddb::{MaxMindDbError, Reader, geoip2};
use tagyard_pipeline::enrich::Locate;
use tagyard_pipeline::place::Place;

/// The longest database; it is held in memory whole. The largest that MaxMind sells of cities has some 200 MiB.
const MAX_FILE_BYTES: u64 = 1 << 30;

/// How many of a database's networks are looked at for one that is in a country.
const SAMPLE: usize = 1000;

/// A file, when it was changed, and how long it is.
type Stamp = (PathBuf, SystemTime, u64);

/// A database, opened.
pub struct Database {
    reader: Reader<Vec<u8>>,
}

/// Why a file is no database of countries.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    #[error("cannot read {path}: {error}")]
    Read { path: String, error: io::Error },
    #[error("{path} is larger than {} MiB", MAX_FILE_BYTES >> 20)]
    TooLarge { path: String },
    #[error("{path} is no database in MaxMind's format, or is damaged: {error}")]
    Format { path: String, error: MaxMindDbError },
    #[error("{path} tells no countries: it is of the type `{kind}`")]
    NoCountries { path: String, kind: String },
}

impl Database {
    /// Opens a database. All that name the same file share one, until the file changes: it takes as much memory as the file is long.
    ///
    /// # Errors
    /// When it cannot be read, or tells no countries.
    pub fn open(path: &Path) -> Result<Arc<Self>, GeoError> {
        static OPEN: LazyLock<Mutex<HashMap<Stamp, Weak<Database>>>> = LazyLock::new(Mutex::default);
        let failed = |error| GeoError::Read { path: path.display().to_string(), error };
        // Asked before it is opened: to open a pipe would be to wait for its writer.
        let metadata = path.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::other("it is no file")));
        }
        let file = File::open(path).map_err(failed)?;
        let changed = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let key = (path.canonicalize().map_err(failed)?, changed, metadata.len());
        // Held while one is read, so that two that ask at once do not both read it.
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = open.get(&key).and_then(Weak::upgrade) {
            return Ok(database);
        }
        let database = Arc::new(Self::read(path, file)?);
        open.retain(|_, database| database.strong_count() > 0);
        open.insert(key, Arc::downgrade(&database));
        Ok(database)
    }

    /// What it is and of when: `GeoLite2-City of 2026-11-17`.
    pub fn describe(&self) -> String {
        let metadata = self.reader.metadata();
        let built = i64::try_from(metadata.build_epoch).ok().and_then(|epoch| Timestamp::from_second(epoch).ok());
        let built = built.map(|at| format!(" of {}", at.strftime("%Y-%m-%d"))).unwrap_or_default();
        format!("{}{built}", metadata.database_type)
    }

    fn read(path: &Path, file: File) -> Result<Self, GeoError> {
        let shown = || path.display().to_string();
        let mut bytes = Vec::new();
        #[expect(clippy::disallowed_methods, reason = "bounded by `take`")]
        let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| GeoError::Read { path: shown(), error })?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE_BYTES) {
            return Err(GeoError::TooLarge { path: shown() });
        }
        let failed = |error| GeoError::Format { path: shown(), error };
        let reader = Reader::from_source(bytes).map_err(failed)?;
        let mut has_countries = false;
        for network in reader.networks(maxminddb::WithinOptions::default()).map_err(failed)?.take(SAMPLE) {
            // What is of another shape tells nothing here.
            let found = network.map_err(failed)?.decode::<geoip2::City<'_>>().ok().flatten();
            has_countries |= found.is_some_and(|found| found.country.iso_code.is_some());
        }
        if !has_countries {
            return Err(GeoError::NoCountries { path: shown(), kind: reader.metadata().database_type.clone() });
        }
        Ok(Database { reader })
    }
}

impl Locate for Database {
    fn locate(&self, ip: IpAddr) -> Option<Place> {
        // Damage in a part that was not looked at when it was opened makes the place unknown, which is the strictest answer.
        let found: geoip2::City<'_> = self.reader.lookup(ip).ok()?.decode().ok()??;
        let region = found.subdivisions.first().and_then(|region| region.iso_code);
        Place::new(found.country.iso_code?, region, found.city.names.english)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.reader.metadata().database_type).finish()
    }
}
