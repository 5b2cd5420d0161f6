//! Where a command finds its host.

use std::path::PathBuf;

/// The host's data directory.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The data directory of the host.
    #[arg(long, value_name = "DIR", default_value = "tagyard-data", env = "TAGYARD_DATA_DIR")]
    pub(super) data_dir: PathBuf,
}
