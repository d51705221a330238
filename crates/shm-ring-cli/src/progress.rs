//! How far a long copy has come, on standard error. It must not know what is copied.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rustix::process::getpgrp;
use rustix::termios::tcgetpgrp;

/// Copies that take less are over before anyone has read it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many bytes go unsaid: small messages must not wait for a clock.
const UNSAID: u64 = 64 * 1024;

pub(crate) struct Progress {
    bar: ProgressBar,
    start: Instant,
    wanted: bool,
    shown: bool,
    unsaid: u64,
}

impl Progress {
    /// Of `total` bytes, if that is known. Shown only if standard error is a terminal, and `other`, the
    /// other end of the copy, is not.
    pub(crate) fn new(total: Option<u64>, other: &impl IsTerminal) -> Self {
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        };
        let template = match total {
            Some(_) => "{bytes} of {total_bytes}  {bar:30}  {bytes_per_sec}  {eta} left",
            None => "{bytes}  {bytes_per_sec}",
        };
        bar.set_draw_target(ProgressDrawTarget::hidden());
        bar.set_style(ProgressStyle::with_template(template).expect("a constant template"));
        let wanted = stderr().is_terminal() && !other.is_terminal();
        Self { bar, start: Instant::now(), wanted, shown: false, unsaid: 0 }
    }

    pub(crate) fn add(&mut self, bytes: usize) {
        self.unsaid += bytes as u64;
        if self.unsaid >= UNSAID {
            self.tell();
        }
    }

    /// Shows all that was added, for whoever may have to wait now.
    pub(crate) fn tell(&mut self) {
        let shown = self.wanted && self.start.elapsed() > PATIENCE && is_in_the_foreground();
        if shown != self.shown {
            self.shown = shown;
            self.bar.set_draw_target(match shown {
                true => ProgressDrawTarget::stderr(),
                false => ProgressDrawTarget::hidden(),
            });
        }
        self.bar.inc(std::mem::take(&mut self.unsaid));
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
