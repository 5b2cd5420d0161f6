//! A progress bar on standard error, where that is a terminal.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often it is drawn anew, each second: enough to be alive, too little to cost anything.
const DRAWS: u8 = 5;

/// A bar over positions of a log. It is gone when it is dropped.
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// `what` says what is counted. Without `is_wanted`, as when its lines would come between those of the output, there is none.
    pub(super) fn new(what: &'static str, is_wanted: bool) -> Self {
        // A target that is no terminal draws nothing by itself.
        let target = match is_wanted {
            true => ProgressDrawTarget::stderr_with_hz(DRAWS),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(0), target).with_message(what);
        let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} {msg}, {eta} left");
        Bar(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    pub(super) fn set(&self, (done, all): (u64, u64)) {
        self.0.set_length(all);
        self.0.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
