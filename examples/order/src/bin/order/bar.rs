//! A bar on a terminal for what takes its time; nothing where nobody looks on.

use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Display;

/// It counts thousandths of the log.
const WHOLE: u64 = 1000;

pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new() -> Self {
        let style = ProgressStyle::with_template("{wide_bar} {msg}");
        Self(ProgressBar::new(WHOLE).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// How much is done, from 0 to 1, and what there is to say about it.
    pub(crate) fn show(&self, fraction: f64, message: impl Display) {
        self.0.set_position((fraction * WHOLE as f64) as u64);
        self.0.set_message(message.to_string());
    }

    /// Writes something that stays, where the bar is.
    pub(crate) fn above<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }

    pub(crate) fn finish(self) {
        self.0.finish_and_clear();
    }
}
