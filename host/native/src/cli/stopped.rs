//! The data directory of a stopped host, for the commands that mark what it shall run at its next start.

use std::path::Path;

use crate::stopped::Stopped;

pub(super) async fn open_stopped(data_dir: &Path) -> Result<Stopped, String> {
    require_data_dir(data_dir)?;
    Stopped::open(data_dir).await.map_err(|error| error.to_string())
}

/// Opening makes what is missing, so a mistyped name is told first.
pub(super) fn require_data_dir(data_dir: &Path) -> Result<(), String> {
    match data_dir.is_dir() {
        true => Ok(()),
        false => Err(format!("{} is no data directory", data_dir.display())),
    }
}
