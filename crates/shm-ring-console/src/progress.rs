//! Owns: when a bar is shown: on a terminal's standard error, and nowhere else. Knows nothing of: what takes so long.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

/// A bar that goes away with the value.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    patience: Duration,
    wanted: bool,
    shown: bool,
}

impl Progress {
    /// A bar as `template` of [`indicatif`] says, of `length` steps, if that is known. What takes less than `patience` has
    /// none, and neither has what is not `wanted`.
    ///
    /// # Panics
    ///
    /// If `template` is none.
    #[must_use]
    pub fn new(length: Option<u64>, template: &str, patience: Duration, wanted: bool) -> Self {
        let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_style(ProgressStyle::with_template(template).expect("a template of indicatif"));
        let wanted = wanted && stderr().is_terminal();
        Self { bar, start: Instant::now(), patience, wanted, shown: false }
    }

    /// The bar, to be moved on. Whether it is shown is decided here, by at most two system calls.
    pub fn tell(&mut self) -> &ProgressBar {
        let shown = self.wanted && self.start.elapsed() >= self.patience && is_in_the_foreground();
        if shown != self.shown {
            self.shown = shown;
            self.bar.set_draw_target(match shown {
                true => ProgressDrawTarget::stderr(),
                false => ProgressDrawTarget::hidden(),
            });
        }
        &self.bar
    }
}

/// Whether the terminal is ours to write on: a job in the background leaves the prompt alone.
fn is_in_the_foreground() -> bool {
    // Where it is not our controlling terminal there are no jobs.
    tcgetpgrp(stderr()).map_or(true, |group| group == getpgrp())
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
