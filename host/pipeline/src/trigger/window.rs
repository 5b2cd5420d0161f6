//! A window of time.

use std::fmt;

use jiff::Timestamp;

/// From one time until another, which is not part of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Window {
    from: Timestamp,
    until: Timestamp,
}

/// Why two texts are no window.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WindowError {
    #[error("`{0}` is no time: write it as `2026-11-27T00:00:00+01:00`, with its distance to UTC, or `Z`")]
    NoTime(String),
    #[error("the first time is not before the second")]
    Order,
}

impl Window {
    /// Reads the two times.
    ///
    /// # Errors
    /// When one is none, or they are not in order.
    pub fn parse(times: &[String; 2]) -> Result<Self, WindowError> {
        let time = |text: &String| text.parse().map_err(|_| WindowError::NoTime(text.clone()));
        let window = Window { from: time(&times[0])?, until: time(&times[1])? };
        if window.from < window.until { Ok(window) } else { Err(WindowError::Order) }
    }

    pub(super) fn contains(self, time: Timestamp) -> bool {
        self.from <= time && time < self.until
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.from, self.until)
    }
}
