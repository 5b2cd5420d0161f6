//! What a container's data directory was like when it was let go with nothing left to do, in a file of its own there.
//!
//! A start tells by it which containers have to be put to work at once, without opening their logs. It is believed only as long as
//! the directory is still like that: an event that came since, a dead letter that was marked to be run again, a backup that was
//! put in its place make it another one.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

const NAME: &str = "rest.json";

/// A few hundred segments; a file that is longer is none of ours.
const MAX_BYTES: u64 = 4 << 20;

#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Rest {
    /// The journal's segments and their lengths.
    segments: Vec<(String, u64)>,
    /// CRC-32C of the cursors' checkpoint.
    cursors: u32,
}

/// Writes down what the directory is like. Its logs are closed, and every event in it has its outcomes. Blocks on the disk.
pub(super) fn write(data_dir: &Path) {
    let written = Rest::of(data_dir).and_then(|rest| {
        let temporary = data_dir.join("rest.tmp");
        let mut file = File::create(&temporary)?;
        file.write_all(serde_json::to_string(&rest)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, data_dir.join(NAME))
    });
    if let Err(error) = written {
        // The next start puts it to work and finds nothing to do.
        tracing::warn!(%error, data_dir = %data_dir.display(), "it was not written down that nothing is left to do");
    }
}

/// Whether there may be something left to do. Blocks on the disk.
pub(super) fn has_left_work(data_dir: &Path) -> bool {
    if !data_dir.join("journal").is_dir() {
        return false;
    }
    let known = read(&data_dir.join(NAME)).and_then(|text| Ok(serde_json::from_slice::<Rest>(&text)?));
    match (known, Rest::of(data_dir)) {
        (Ok(known), Ok(now)) => known != now,
        _ => true,
    }
}

/// Whether it was let go longer ago than this; one that was never put to work was not.
pub(super) fn is_older(data_dir: &Path, age: Duration) -> bool {
    let written = data_dir.join(NAME).metadata().and_then(|metadata| metadata.modified());
    // A clock that was put back makes it look as if it were to come; it is visited once the clock has caught up.
    written.is_ok_and(|written| written.elapsed().is_ok_and(|elapsed| elapsed > age))
}

impl Rest {
    fn of(data_dir: &Path) -> io::Result<Self> {
        let mut segments = Vec::new();
        for entry in data_dir.join("journal").read_dir()? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|extension| extension == "log") {
                segments.push((entry.file_name().to_string_lossy().into_owned(), entry.metadata()?.len()));
            }
        }
        segments.sort();
        Ok(Rest { segments, cursors: crc32c::crc32c(&read(&data_dir.join("cursors.json"))?) })
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "bounded by `take`")]
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_has_changed_since_may_have_work() {
        let check = |change: &dyn Fn(&Path), expected: bool| {
            let folder = tempfile::tempdir().unwrap();
            let at = folder.path();
            assert!(!has_left_work(at));
            fs::create_dir(at.join("journal")).unwrap();
            fs::write(at.join("journal/1.log"), "one").unwrap();
            fs::write(at.join("cursors.json"), "{}").unwrap();
            assert!(has_left_work(at));
            write(at);
            assert!(!has_left_work(at));
            change(at);
            assert_eq!(has_left_work(at), expected);
        };
        check(&|_| {}, false);
        check(&|at| fs::write(at.join("journal/1.log"), "one, two").unwrap(), true);
        check(&|at| fs::write(at.join("journal/2.log"), "").unwrap(), true);
        check(&|at| fs::write(at.join("journal/lock"), "7").unwrap(), false);
        check(&|at| fs::write(at.join("cursors.json"), "{ }").unwrap(), true);
        check(&|at| fs::remove_file(at.join("cursors.json")).unwrap(), true);
        check(&|at| fs::write(at.join(NAME), "{").unwrap(), true);
    }
}
