//! Structured logs on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging: text for a person, JSON lines for a machine. `TAGYARD_LOG` sets the level (`info` without it), as in
/// `TAGYARD_LOG=debug`. No level shows an event's body or a secret.
pub(super) fn start(default: &str) {
    let filter = EnvFilter::try_from_env("TAGYARD_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start, as in a test, changes nothing.
    let _ = match std::io::stderr().is_terminal() {
        true => builder.try_init(),
        false => builder.json().flatten_event(true).try_init(),
    };
}
